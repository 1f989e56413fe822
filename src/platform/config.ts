import { existsSync, readFileSync } from "node:fs";
import { homedir, hostname } from "node:os";
import { basename } from "node:path";
import { z } from "zod";
import { DEFAULT_PORT } from "../protocol/endpoints.ts";
import { RepowireError } from "../protocol/errors.ts";
import { LIMITS } from "../protocol/limits.ts";
import { InboundPolicy, NAME_PATTERN, PeerName } from "../protocol/peers.ts";
import { SpawnRuntime } from "../protocol/runtimes.ts";
import { homePaths } from "./paths.ts";

/** What agents may write before they are paused (core/loop-guard.ts). */
const budget = (standard: number) => z.number().int().min(0).max(1_000_000).default(standard);

/** One schema for all settings; a flag wins over the environment, that over `config.yaml`, that over the default here. */
export const Config = z.strictObject({
  port: z.number().int().min(0).max(65_535).default(DEFAULT_PORT).describe("Loopback port of the daemon."),
  machine: PeerName.default(() => nameFrom(hostname().split(".")[0], "machine")).describe(
    "This machine's name in the mesh.",
  ),
  human: PeerName.default(() => nameFrom(safeUserName(), "human")).describe("Your own name in the mesh."),
  inbound_without_prompts: InboundPolicy.default("hold").describe(
    "What happens to messages for sessions that run without permission prompts.",
  ),
  pair_per_minute: budget(LIMITS.pairPerMinuteMax).describe("Messages between two agents within a minute; 0: any."),
  pair_per_night: budget(LIMITS.pairPerNightMax).describe("Messages between two agents within 12 hours; 0: any."),
  circle_per_minute: budget(LIMITS.circlePerMinuteMax).describe(
    "Messages of all agents of a circle within a minute; 0: any.",
  ),
  thread_depth: budget(LIMITS.hopsMax).describe("Messages that cause messages without a person in between; 0: any."),
  retention_days: z
    .number()
    .min(0)
    .max(3_650)
    .default(LIMITS.retentionDays)
    .describe("How long closed messages are kept."),
  synchronous: z
    .enum(["full", "normal"])
    .default("full")
    .describe("full survives power loss; normal survives process death."),
  otlp_endpoint: z
    .union([z.literal("off"), z.url({ protocol: /^https?$/ })], { error: 'must be an http(s) address, or "off"' })
    .default("off")
    .describe("The OpenTelemetry collector (OTLP over HTTP) that traces are sent to."),
  spawn: z
    .strictObject({
      folders: z.array(z.string().min(1)).default([]),
      runtimes: z.array(SpawnRuntime).default([]),
      profiles: z
        .record(
          z.string().regex(/^[\w-]{1,64}$/),
          z.strictObject({
            runtime: SpawnRuntime,
            args: z.array(z.string().max(LIMITS.launchArgCharsMax)).max(LIMITS.launchArgsMax).default([]),
            env: z.record(z.string().regex(/^[A-Za-z_]\w*$/), z.string()).default({}),
          }),
        )
        .default({}),
      accept_development_channels: z.boolean().default(false),
      tmux_socket: z.string().startsWith("/").optional(),
    })
    .prefault({})
    .describe("What agents may start without asking you: folders, runtimes, profiles; and where sessions are started."),
  on_waiting: z
    .array(z.string().min(1).max(LIMITS.launchArgCharsMax))
    .min(1, "must be a list that begins with a program, or be left out")
    .max(LIMITS.launchArgsMax)
    .optional()
    .describe("A program of yours, and its arguments, that is run when something waits on you."),
  dashboard: z
    .strictObject({
      public_origin: z
        .url({ protocol: /^https$/, error: "must be an https address" })
        .transform((text) => new URL(text).origin)
        .optional(),
    })
    .prefault({})
    .describe("How other devices of yours reach the dashboard (https://host of your own proxy); off without."),
  radar: z
    .boolean()
    .default(true)
    .describe("Whether two sessions that write the same file of one checkout hear of each other."),
  stale_answers: z
    .boolean()
    .default(true)
    .describe("Whether a session hears that what an answer to it was read from has changed since."),
  log_level: z.enum(["debug", "info", "warning", "error"]).default("info").describe("What goes into the daemon's log."),
});
export type Config = z.infer<typeof Config>;
export type ConfigKey = keyof Config;
export type Origin = "flag" | "environment" | "file" | "default";

export interface LoadedConfig {
  values: Config;
  /** Where each value came from, for `repowire status`. */
  origins: Record<ConfigKey, Origin>;
}

const KEYS = Object.keys(Config.shape) as ConfigKey[]; // the schema's own keys
/** The names of other programs' variables that mean the same; ours wins. */
const ALSO_CALLED: Partial<Record<ConfigKey, string>> = { otlp_endpoint: "OTEL_EXPORTER_OTLP_ENDPOINT" };
const environmentName = (key: ConfigKey) => `REPOWIRE_${key.toUpperCase()}`;
const environmentNames = (key: ConfigKey) => [environmentName(key), ...(ALSO_CALLED[key] ? [ALSO_CALLED[key]] : [])];

/** Throws a `RepowireError` that names the file, the field and what it may be. */
export function loadConfig(
  home: string,
  flags: Partial<Config> = {},
  env: Record<string, string | undefined> = process.env,
): LoadedConfig {
  const file = readConfigFile(homePaths(home).config);
  const merged: Record<string, unknown> = {};
  const origins = {} as Record<ConfigKey, Origin>; // filled for every key below
  for (const unknown of Object.keys(file).filter((key) => !KEYS.includes(key as ConfigKey))) {
    throw new RepowireError(
      "invalid_input",
      `${homePaths(home).config}: unknown setting "${unknown}". Known: ${KEYS.join(", ")}.`,
    );
  }
  for (const key of KEYS) {
    const fromEnvironment = environmentNames(key)
      .map((name) => env[name])
      .find((value) => value);
    if (flags[key] !== undefined) [merged[key], origins[key]] = [flags[key], "flag"];
    else if (fromEnvironment) [merged[key], origins[key]] = [fromText(fromEnvironment), "environment"];
    else if (file[key] !== undefined) [merged[key], origins[key]] = [file[key], "file"];
    else origins[key] = "default";
  }
  const parsed = Config.safeParse(merged);
  if (!parsed.success) {
    const issue = parsed.error.issues[0];
    const key = String(issue?.path[0] ?? "") as ConfigKey; // a path of this schema begins with one of its keys
    const place =
      origins[key] === "environment"
        ? environmentName(key)
        : origins[key] === "flag"
          ? `--${key}`
          : homePaths(home).config;
    throw new RepowireError("invalid_input", `${place}: "${key}": ${issue?.message ?? "not valid"}.`);
  }
  return { values: parsed.data, origins };
}

function fromText(text: string): unknown {
  if (text === "true" || text === "false") return text === "true";
  return /^\d+$/.test(text) ? Number(text) : text;
}

function readConfigFile(file: string): Record<string, unknown> {
  if (!existsSync(file)) return {};
  let content: unknown;
  try {
    content = Bun.YAML.parse(readFileSync(file, "utf8")) ?? {};
  } catch (error) {
    const why = error instanceof Error ? error.message.split("\n")[0] : String(error);
    throw new RepowireError("invalid_input", `${file} is not valid YAML: ${why}. Mend it, or move it away.`);
  }
  if (typeof content !== "object" || content === null || Array.isArray(content)) {
    throw new RepowireError("invalid_input", `${file} must hold settings as "name: value" lines.`);
  }
  return Object.fromEntries(Object.entries(content));
}

function nameFrom(wish: string | undefined, fallback: string): string {
  const clean = (wish ?? "").replace(/[^\p{L}\p{N}._-]+/gu, "-");
  return NAME_PATTERN.test(clean) ? clean : fallback;
}

/** Bun (1.4) knows the user's name from the environment only and else says "unknown"; the home folder is named after it. */
function safeUserName(): string | undefined {
  const named = process.env.USER || process.env.LOGNAME;
  return named || basename(homedir());
}
