import { resolve } from "node:path";
import { Command } from "@commander-js/extra-typings";
import type { OperationOutput } from "../../protocol/index.ts";
import { cleanLine, plural } from "../../words/index.ts";
import type { CliContext } from "../context.ts";
import { print, printJson, table } from "../output.ts";
import { setupLines } from "../trust.ts";

/** Worktrees that repowire made for sessions: what is in each, and their end. */
export function worktreeCommand(context: CliContext) {
  const worktree = new Command("worktree").description("the worktrees that sessions were started on");
  worktree.addCommand(listCommand(context));
  worktree.addCommand(removeCommand(context));
  worktree.addCommand(trustCommand(context));
  return worktree;
}

type Worktree = OperationOutput<"worktrees">["worktrees"][number];

function listCommand(context: CliContext) {
  return new Command("list")
    .description("each with who sits in it and what is not saved")
    .option("--json", "print JSON")
    .action(async (options) => {
      const output = await (await context.mesh()).worktrees({});
      if (options.json) return printJson(output);
      if (output.worktrees.length === 0)
        return print("None yet. One for a session: repowire peer new PATH --worktree BRANCH");
      print(table(["FOLDER", "BRANCH", "SESSION", "NOT SAVED"], output.worktrees.map(row)));
    });
}

function row({ path, branch, peers, missing, files, commits }: Worktree): string[] {
  const unsaved = [
    missing ? "folder is gone" : "",
    files === undefined ? "unknown" : files.length > 0 ? plural(files.length, "file") : "",
    commits && commits.length > 0 ? plural(commits.length, "commit") : "",
  ].filter(Boolean);
  const sitting = peers.map((peer) => `${peer.name} (${peer.presence})`).join(", ");
  return [path, branch, sitting, unsaved.join(", ") || "-"];
}

function removeCommand(context: CliContext) {
  return new Command("remove")
    .description("remove one with the branch that was made for it; refuses where work would be lost")
    .argument("<worktree>", "its folder or that folder's name, its branch, or its session")
    .option("--keep-branch", "remove the folder only")
    .option("--force", "also what is not committed or merged")
    .option("--json", "print JSON")
    .addHelpText("after", "\nFiles that git ignores (build results, what was copied) go with it without a word.")
    .action(async (name, options) => {
      const mesh = await context.mesh();
      const { force, keepBranch: keep_branch } = options;
      const output = await mesh.remove_worktree({ worktree: name, force, keep_branch });
      if (options.json) return printJson(output);
      const { lost } = output;
      const gone = [...lost.files, ...lost.commits].map((line) => `\n  lost: ${cleanLine(line)}`).join("");
      const branch = `branch ${cleanLine(output.branch)} is ${output.branch_removed ? "gone" : "kept"}`;
      print(`removed ${cleanLine(output.path)}; ${branch}.${gone}`);
    });
}

function trustCommand(context: CliContext) {
  return new Command("trust")
    .description("trust what a repository's .repowire.yaml wants done in its worktrees; without --yes it is shown only")
    .argument("[path]", "the repository; this folder otherwise")
    .option("--yes", "trust what is shown")
    .option("--json", "print JSON")
    .action(async (path, options) => {
      const mesh = await context.mesh();
      const folder = resolve(path ?? ".");
      const { repository } = await mesh.worktrees({ path: folder });
      const setup = repository?.setup;
      if (setup && options.yes && !setup.trusted) await mesh.trust_repository({ path: folder, hash: setup.hash });
      const trusted = setup !== undefined && (setup.trusted || options.yes === true);
      if (options.json)
        return printJson({ repository: repository && { ...repository, setup: setup && { ...setup, trusted } } });
      if (repository) print(setupLines(repository));
      if (setup)
        print(
          trusted ? "Trusted, until it changes." : "Not trusted. To trust exactly this: repowire worktree trust --yes",
        );
    });
}
