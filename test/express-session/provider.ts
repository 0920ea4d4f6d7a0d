/** An OAuth 2 and OpenID Connect provider on this machine, which signs everyone in at once. */
import { createSign, generateKeyPairSync } from "node:crypto";
import { createServer } from "node:http";
import { text } from "node:stream/consumers";
import { portOf } from "../instruments/loopback.ts";

const { privateKey, publicKey } = generateKeyPairSync("rsa", { modulusLength: 2048 });

const encode = (part: object) => Buffer.from(JSON.stringify(part)).toString("base64url");

function signed(claims: object): string {
  const head = `${encode({ alg: "RS256", typ: "JWT", kid: "one" })}.${encode(claims)}`;
  return `${head}.${createSign("RSA-SHA256").update(head).sign(privateKey, "base64url")}`;
}

/** Listens until the test has ended; resolves to the issuer. The user is ada. */
export async function provider(): Promise<string> {
  /** The nonce that each code was asked for with. */
  const nonces = new Map<string, string | null>();
  let issuer = "";
  const server = createServer(async (request, response) => {
    const { pathname, searchParams } = new URL(request.url as string, issuer);
    const answer = (status: number, body: object) =>
      response.writeHead(status, { "Content-Type": "application/json" }).end(JSON.stringify(body));
    if (pathname === "/.well-known/openid-configuration") {
      answer(200, {
        issuer,
        authorization_endpoint: `${issuer}/authorize`,
        token_endpoint: `${issuer}/token`,
        userinfo_endpoint: `${issuer}/userinfo`,
        jwks_uri: `${issuer}/jwks`,
        response_types_supported: ["code"],
        response_modes_supported: ["query"],
        subject_types_supported: ["public"],
        id_token_signing_alg_values_supported: ["RS256"],
      });
    } else if (pathname === "/jwks") {
      answer(200, {
        keys: [{ ...publicKey.export({ format: "jwk" }), kid: "one", use: "sig", alg: "RS256" }],
      });
    } else if (pathname === "/authorize") {
      const code = `code${nonces.size}`;
      nonces.set(code, searchParams.get("nonce"));
      const back = new URL(searchParams.get("redirect_uri") as string);
      back.searchParams.set("code", code);
      const state = searchParams.get("state");
      if (state !== null) back.searchParams.set("state", state);
      response.writeHead(302, { Location: back.href }).end();
    } else if (pathname === "/token") {
      const code = new URLSearchParams(await text(request)).get("code") ?? "";
      const nonce = nonces.get(code);
      if (nonce === undefined) return answer(400, { error: "invalid_grant" });
      nonces.delete(code);
      const now = Math.floor(Date.now() / 1000);
      const claims = {
        iss: issuer,
        aud: "client",
        sub: "ada",
        iat: now,
        exp: now + 60,
        auth_time: now,
        ...(nonce && { nonce }),
      };
      answer(200, { access_token: "token", token_type: "Bearer", expires_in: 60, id_token: signed(claims) });
    } else answer(200, { sub: "ada" });
  });
  issuer = `http://127.0.0.1:${await portOf(server)}`;
  return issuer;
}

/** Asks the provider as a browser does that was sent there; resolves to the address that it is sent back to. */
export async function sentBackFrom(address: string): Promise<string> {
  const { headers } = await fetch(address, { redirect: "manual" });
  const { pathname, search } = new URL(headers.get("location") as string);
  return pathname + search;
}
