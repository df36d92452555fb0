-- Replays prepared requests: each line of the file REPLAY is one, in hexadecimal. Prints what was measured as JSON.
local requests, at = {}, 0

local function unhex(line)
  return (line:gsub("%x%x", function(byte) return string.char(tonumber(byte, 16)) end))
end

function init(_)
  for line in io.lines(os.getenv("REPLAY")) do
    requests[#requests + 1] = unhex(line)
  end
end

function request()
  at = at % #requests + 1
  return requests[at]
end

function done(summary, latency, _)
  local errors = summary.errors
  io.write(string.format(
    'REPLAYED {"requests": %d, "microseconds": %d, "p99": %d, "refused": %d, "broken": %d}\n',
    summary.requests, summary.duration, latency:percentile(99), errors.status,
    errors.connect + errors.read + errors.write + errors.timeout))
end
