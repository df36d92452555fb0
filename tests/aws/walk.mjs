// What javascript.py has the AWS SDK for JavaScript do: `node walk.mjs STORY`, its parameters as JSON in WALK.
// Each story prints what it found as one line of JSON.
import { createHmac } from "node:crypto";
import { createRequire } from "node:module";

const require = createRequire(`${process.env.TEST_NODE_MODULES}/`);
const iamSdk = require("@aws-sdk/client-iam");
const stsSdk = require("@aws-sdk/client-sts");
const providers = require("@aws-sdk/credential-providers");

const given = JSON.parse(process.env.WALK);
const where = { endpoint: given.endpoint, region: given.region };
const me = {
  accessKeyId: given.accessKeyId,
  secretAccessKey: given.secretAccessKey,
  sessionToken: given.sessionToken ?? undefined,
};

const tell = (refusal) => ({
  name: refusal.name,
  message: refusal.message,
  status: refusal.$metadata?.httpStatusCode,
  requestId: refusal.$metadata?.requestId,
  attempts: refusal.$metadata?.attempts,
});

const refused = async (call) => {
  try {
    await call();
  } catch (refusal) {
    return tell(refusal);
  }
  throw new Error("the call was not refused");
};

async function live() {
  const iam = new iamSdk.IAM({ ...where, credentials: me });
  const { User: user } = await iam.createUser({ UserName: "x+u@x=,.", Path: "/js/" });
  const { AccessKey: key } = await iam.createAccessKey({ UserName: user.UserName });
  const { Group: group } = await iam.createGroup({ GroupName: "js" });
  await iam.addUserToGroup({ GroupName: group.GroupName, UserName: user.UserName });
  const { Policy: policy } = await iam.createPolicy({
    PolicyName: "js",
    PolicyDocument: given.policy,
    Description: given.description,
  });
  await iam.attachGroupPolicy({ GroupName: group.GroupName, PolicyArn: policy.Arn });
  const { PolicyVersion: version } = await iam.getPolicyVersion({ PolicyArn: policy.Arn, VersionId: "v1" });
  const weak = { accessKeyId: key.AccessKeyId, secretAccessKey: key.SecretAccessKey };
  const ours = new iamSdk.IAM({ ...where, credentials: weak });
  const names = [];
  for await (const page of iamSdk.paginateListUsers({ client: ours, pageSize: 1 }, {})) {
    names.push(...page.Users.map((each) => each.UserName));
  }
  return {
    user,
    names,
    document: version.Document,
    description: (await iam.getPolicy({ PolicyArn: policy.Arn })).Policy.Description,
    denied: await refused(() => ours.listRoles({})),
    missing: await refused(() => iam.getUser({ UserName: "nobody" })),
    taken: await refused(() => iam.createUser({ UserName: "X+U@X=,." })),
    caught: await iam.getUser({ UserName: "nobody" }).catch((error) => error instanceof iamSdk.NoSuchEntityException),
  };
}

async function assume() {
  const credentials = providers.fromTemporaryCredentials({
    masterCredentials: me,
    params: { RoleArn: given.roles[0], RoleSessionName: "first", ExternalId: given.externalId },
    clientConfig: where,
  });
  const chained = providers.fromTemporaryCredentials({
    masterCredentials: credentials,
    params: { RoleArn: given.roles[1], RoleSessionName: "second", DurationSeconds: 900 },
    clientConfig: where,
  });
  const first = await new stsSdk.STS({ ...where, credentials }).getCallerIdentity({});
  const second = await new stsSdk.STS({ ...where, credentials: chained }).getCallerIdentity({});
  const alone = new stsSdk.STS({ ...where, credentials: me });
  return {
    arns: [first.Arn, second.Arn],
    refused: await refused(() => alone.assumeRole({ RoleArn: given.roles[1], RoleSessionName: "third" })),
  };
}

// What the environment says is all that the SDK is told.
async function federate() {
  const sts = new stsSdk.STS({});
  return sts.getCallerIdentity({}).then(
    (identity) => ({ arn: identity.Arn }),
    (refusal) => ({ refusal: tell(refusal) }),
  );
}

async function correct() {
  const real = Date.now;
  Date.now = () => real() - given.behind; // the clock of this machine goes wrong
  const sts = new stsSdk.STS({ ...where, credentials: me });
  const first = await sts.getCallerIdentity({});
  const second = await sts.getCallerIdentity({});
  return { arn: second.Arn, attempts: [first.$metadata.attempts, second.$metadata.attempts] };
}

// What an authenticator shows (RFC 6238) so many steps from now.
function code(seed, steps) {
  const alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZ234567";
  const bits = [...seed].map((each) => alphabet.indexOf(each).toString(2).padStart(5, "0")).join("");
  const key = Buffer.from(bits.match(/.{8}/g).map((byte) => Number.parseInt(byte, 2)));
  const counter = Buffer.alloc(8);
  counter.writeBigUInt64BE(BigInt(Math.floor(Date.now() / 30_000) + steps));
  const mac = createHmac("sha1", key).update(counter).digest();
  const value = mac.readUInt32BE(mac.at(-1) & 15) & 0x7fffffff;
  return String(value % 1_000_000).padStart(6, "0");
}

async function prove() {
  const iam = new iamSdk.IAM({ ...where, credentials: me });
  const { VirtualMFADevice: device } = await iam.createVirtualMFADevice({ VirtualMFADeviceName: "js" });
  const seed = Buffer.from(device.Base32StringSeed).toString();
  const named = { UserName: "admin", SerialNumber: device.SerialNumber };
  const enable = (first, second) =>
    iam.enableMFADevice({ ...named, AuthenticationCode1: code(seed, first), AuthenticationCode2: code(seed, second) });
  const wrong = await refused(() => enable(0, -1));
  await enable(-1, 0);
  const asked = { RoleArn: given.role, RoleSessionName: "proven" };
  const assume = (params) =>
    providers.fromTemporaryCredentials({
      masterCredentials: me,
      params: { ...asked, ...params },
      clientConfig: where,
      mfaCodeProvider: async () => code(seed, 1),
    });
  const proven = new stsSdk.STS({ ...where, credentials: assume({ SerialNumber: device.SerialNumber }) });
  return {
    serialNumber: device.SerialNumber,
    png: Buffer.from(device.QRCodePNG).toString("base64"),
    seed,
    wrong,
    arn: (await proven.getCallerIdentity({})).Arn,
    without: await refused(assume({})),
    again: await refused(assume({ SerialNumber: device.SerialNumber })),
  };
}

// One operation, whatever it is; a blob is told as the text that it holds.
async function call() {
  const sdk = given.service === "iam" ? iamSdk : stsSdk;
  const client = new sdk[given.service.toUpperCase()]({ ...where, credentials: me });
  const command = new sdk[`${given.operation}Command`](given.parameters);
  return client.send(command).catch((refusal) => ({ refusal: tell(refusal) }));
}

function write(key, value) {
  const held = this[key]; // what it was before toJSON
  return held instanceof Uint8Array ? Buffer.from(held).toString() : value;
}

const stories = { live, assume, federate, correct, prove, call };
console.log(JSON.stringify(await stories[process.argv[2]](), write));
