import { RepowireError } from "../../protocol/index.ts";

/** What the service files of systemd (user unit) and launchd (plist) say. */
export interface ServiceFacts {
  home: string;
  /** The installed command line: a script of sh, so sh is what is started, whatever its path holds. */
  launcher: string;
  logFile: string;
  /** PATH as it was at the installation, so that tmux and the agent CLIs are found, and settings of repowire that were set. */
  env: Readonly<Record<string, string>>;
  /** Folders that were made for the file, outermost first; they go with it. */
  folders: readonly string[];
}

/** What the file says about itself, so that only the file of this home is replaced or removed. */
export interface ServiceMark {
  home: string;
  folders: string[];
}

export const LAUNCHD_LABEL = "dev.repowire.daemon";
const MARK = /repowire-service (\{.*?\})(?: -->)?$/m;
const WORDS = ["daemon", "run", "--detached", "--yield"];
/** `sysexits` 69: the launcher says that no version is installed. */
const EXIT_GONE = 69;

/**
 * A daemon that finds another at work ends with 0, which is no failure: it is not started again. Stopping it ends the daemon alone:
 * a tmux server with sessions that it started goes on.
 */
export function systemdUnit(facts: ServiceFacts): string {
  checkLines(facts);
  return `# Written by \`repowire service install\`, removed by \`repowire service uninstall\`.
# ${mark(facts)}
[Unit]
Description=repowire: the mesh of the coding agent sessions of this user
StartLimitIntervalSec=120
StartLimitBurst=5

[Service]
ExecStart=/bin/sh ${[facts.launcher, ...WORDS].map((word) => systemdWord(word).replaceAll("$", "$$$$")).join(" ")}
${Object.entries(facts.env)
  .map(([name, value]) => `Environment=${systemdWord(`${name}=${value}`)}\n`)
  .join("")}StandardOutput=append:${facts.logFile.replaceAll("%", "%%")}
StandardError=append:${facts.logFile.replaceAll("%", "%%")}
KillMode=process
Restart=on-failure
RestartSec=2
RestartPreventExitStatus=${EXIT_GONE}

[Install]
WantedBy=default.target
`;
}

export function launchdPlist(facts: ServiceFacts): string {
  checkLines(facts);
  const env = Object.entries(facts.env).map(
    ([name, value]) => `    <key>${xml(name)}</key><string>${xml(value)}</string>`,
  );
  return `<?xml version="1.0" encoding="UTF-8"?>
<!DOCTYPE plist PUBLIC "-//Apple//DTD PLIST 1.0//EN" "http://www.apple.com/DTDs/PropertyList-1.0.dtd">
<!-- ${mark(facts)} -->
<plist version="1.0">
<dict>
  <key>Label</key><string>${LAUNCHD_LABEL}</string>
  <key>ProgramArguments</key>
  <array>
${["/bin/sh", facts.launcher, ...WORDS].map((word) => `    <string>${xml(word)}</string>`).join("\n")}
  </array>
  <key>EnvironmentVariables</key>
  <dict>
${env.join("\n")}
  </dict>
  <key>RunAtLoad</key><true/>
  <key>KeepAlive</key><dict><key>SuccessfulExit</key><false/></dict>
  <key>ThrottleInterval</key><integer>30</integer>
  <key>AbandonProcessGroup</key><true/>
  <key>StandardOutPath</key><string>${xml(facts.logFile)}</string>
  <key>StandardErrorPath</key><string>${xml(facts.logFile)}</string>
</dict>
</plist>
`;
}

/** Undefined when repowire did not write the text. */
export function markOf(text: string): ServiceMark | undefined {
  const found = MARK.exec(text)?.[1];
  if (found === undefined) return undefined;
  try {
    const { home, folders } = JSON.parse(found);
    return typeof home === "string" && Array.isArray(folders) ? { home, folders } : undefined;
  } catch {
    // Somebody has edited it: it is theirs now.
    return undefined;
  }
}

/** No `--`, which ends no comment of XML early, and no brace, so that the end is found. */
function mark({ home, folders }: ServiceFacts): string {
  const text = JSON.stringify({ home, folders }).slice(1, -1);
  return `repowire-service {${text.replaceAll("-", "\\u002d").replaceAll("{", "\\u007b").replaceAll("}", "\\u007d")}}`;
}

/** One word as systemd.syntax(7) reads it, with its `%` specifiers taken literally. */
function systemdWord(text: string): string {
  return `"${text.replaceAll("\\", "\\\\").replaceAll('"', '\\"').replaceAll("%", "%%")}"`;
}

const xml = (text: string): string =>
  text.replaceAll("&", "&amp;").replaceAll("<", "&lt;").replaceAll(">", "&gt;").replaceAll('"', "&quot;");

/** A line break would begin a line of its own in a unit. */
function checkLines({ launcher, logFile, env }: ServiceFacts): void {
  for (const text of [launcher, logFile, ...Object.values(env)]) {
    // biome-ignore lint/suspicious/noControlCharactersInRegex: the very signs that are looked for
    if (/[\u0000-\u001f\u007f]/.test(text))
      throw new RepowireError(
        "invalid_input",
        "PATH or repowire's home holds a control character, which no service file can; set them without it and try again.",
      );
  }
}
