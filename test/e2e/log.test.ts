import { expect, setDefaultTimeout, test } from "bun:test";
import { readFileSync } from "node:fs";
import { httpUrl } from "../../src/client/index.ts";
import { parseLogLine } from "../../src/platform/log-record.ts";
import { daemonProcess } from "../support/daemon-process.ts";
import { fakeSession } from "../support/fake-session.ts";
import { rawLink } from "../support/raw-link.ts";
import { until } from "../support/until.ts";

setDefaultTimeout(60_000);

// @req private.log-redacted
test("what comes in by any door leaves no secret and no text of anybody in the log, which stays JSON", async () => {
  await using daemon = await daemonProcess({ env: { REPOWIRE_LOG_LEVEL: "debug" } });
  const secret = ["sk", "-ant-api03-", "Ab3dEfGh1jKlMn0pQrStUvWx"].join("");
  const body = `only for you: ${Bun.randomUUIDv7()}`;
  await using backend = await fakeSession(daemon.sandbox, "backend");
  const { token } = daemon.address();
  const post = (path: string, text: string, headers: Record<string, string> = {}) =>
    daemon.fetch(path, { method: "POST", body: text, headers });

  // HTTP: as a credential, in a header, an address, a name, a field that is unknown, and in what is no JSON.
  await fetch(httpUrl(daemon.address(), `/v1/${secret}?key=${secret}`), { headers: { authorization: secret } });
  await post(`/v1/${secret}`, "{}", { origin: `https://${secret}.example`, "repowire-pid": secret });
  await post("/v1/notify", JSON.stringify({ peer: secret, text: body, [secret]: secret }));
  await post("/v1/notify", `{"text": "${secret}`);
  await post("/mcp", JSON.stringify({ jsonrpc: "2.0", id: 1, method: secret, params: { token: secret } }));
  await post(
    "/v1/hooks/claude-code",
    JSON.stringify({ event: secret, pid: 1, hook_pid: 1, version: secret, input: {} }),
  );
  // The link: as a token that is refused, a method, a frame that is none.
  using link = await rawLink(daemon.address());
  const hello = {
    token: secret,
    protocol: [1],
    client: { name: secret, version: secret },
    session: { runtime: "script", process: { pid: 1, started: secret, boot: secret }, path: `/${secret}` },
    capabilities: [],
    receives: false,
  };
  await link.request(secret, { body }).catch(() => {});
  await link.request("hello", hello).catch(() => {});
  // And a message that goes its way.
  await daemon.mesh.notify({ peer: backend.name, text: body });
  await backend.got(body);

  const log = () => readFileSync(daemon.sandbox.paths.daemonLog, "utf8");
  await until(() => log().includes("link refused"), "the refused link is in the log");
  for (const hidden of [secret, body, token]) expect(log()).not.toContain(hidden);
  const lines = log().trimEnd().split("\n");
  expect(lines.filter((line) => parseLogLine(line) === undefined)).toEqual([]);

  const asText = await daemon.cli("daemon", "logs");
  expect(asText.out).toMatch(/^\S+Z warning links: link refused code=unauthorized/m);
  const asJson = await daemon.cli("daemon", "logs", "--json");
  expect(
    asJson.out
      .trimEnd()
      .split("\n")
      .map((line) => parseLogLine(line)?.message),
  ).toContain("link refused");
});
