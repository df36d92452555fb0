// A real OpenID provider (oidc-provider) on loopback: `node provider.mjs`, its settings as JSON in PROVIDER. It makes its
// signing keys when it starts, so that one that is started anew has rotated them; its people sign in with any password.
import { generateKeyPairSync } from "node:crypto";
import { createRequire } from "node:module";
import { pathToFileURL } from "node:url";

const require = createRequire(`${process.env.TEST_NODE_MODULES}/`);
const { Provider } = await import(pathToFileURL(require.resolve("oidc-provider")));

const { issuer, port, redirect } = JSON.parse(process.env.PROVIDER);
const options = { RS256: ["rsa", { modulusLength: 2048 }], ES256: ["ec", { namedCurve: "P-256" }], EdDSA: ["ed25519", {}] };

const keys = Object.entries(options).map(([alg, [type, how]]) => ({
  ...generateKeyPairSync(type, how).privateKey.export({ format: "jwk" }),
  alg,
  use: "sig",
}));

const clients = Object.keys(options).map((alg) => ({
  client_id: `client-${alg}`,
  token_endpoint_auth_method: "none",
  redirect_uris: [redirect],
  id_token_signed_response_alg: alg,
}));

const provider = new Provider(issuer, {
  clients,
  jwks: { keys },
  cookies: { keys: ["for the tests alone"] },
  enabledJWA: { idTokenSigningAlgValues: Object.keys(options) },
});
provider.listen(port, "127.0.0.1", () => console.log("listening"));
