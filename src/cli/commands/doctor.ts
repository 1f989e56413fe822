import { resolve } from "node:path";
import { styleText } from "node:util";
import { Command } from "@commander-js/extra-typings";
import type { Finding, Level } from "../../platform/checks/finding.ts";
import type { CliContext } from "../context.ts";
import { print, printJson } from "../output.ts";

const MARKS: Record<Level, string> = {
  ok: styleText("green", "✓"),
  warn: styleText("yellow", "!"),
  bad: styleText("red", "✗"),
};

export function doctorCommand(context: CliContext) {
  return new Command("doctor")
    .description(
      "try every part for real, and say what to do about what does not work; exit code 1 if anything is broken",
    )
    .option("--fix", "do what harms nothing: file modes, a daemon of another version")
    .option("--notify", "run `on_waiting` of config.yaml once")
    .option("--json", "print JSON")
    .action(async (options) => {
      const { examine } = await import("../doctor/doctor.ts");
      const home = resolve(context.home);
      let findings = await examine(home, options);
      const fixed = options.fix ? await fixAll(findings) : [];
      if (fixed.length > 0) findings = await examine(home, options);
      const count = (level: Level) => findings.filter((finding) => finding.level === level).length;
      const isWell = count("bad") === 0;
      if (!isWell) process.exitCode = 1;
      if (options.json) return printJson({ ok: isWell, fixed, findings: findings.map(asJson) });
      const done = fixed.map((what) => `Fixed: ${what}`);
      const sum = isWell
        ? count("warn") > 0
          ? `Nothing is broken; ${count("warn")} could be better.`
          : "All is well."
        : `${count("bad")} broken, ${count("warn")} could be better.`;
      print([...done, ...lines(findings), "", sum].join("\n"));
    });
}

async function fixAll(findings: readonly Finding[]): Promise<string[]> {
  const done: string[] = [];
  for (const { fix } of findings) {
    if (!fix) continue;
    await fix.run();
    done.push(fix.what);
  }
  return done;
}

const asJson = ({ part, level, found, next, fix }: Finding) => ({
  part,
  level,
  found,
  next,
  can_fix: fix !== undefined,
});

function lines(findings: readonly Finding[]): string[] {
  const width = Math.max(...findings.map(({ part }) => part.length));
  return findings.flatMap(({ part, level, found, next, fix }) => [
    `${MARKS[level]} ${part.padEnd(width)}  ${found}`,
    ...(next ? [`  ${"".padEnd(width)}  Next: ${next}${fix ? " (or: repowire doctor --fix)" : ""}`] : []),
  ]);
}
