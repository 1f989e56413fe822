import { confirm, isCancel } from "@clack/prompts";
import { shellWord } from "../platform/shell.ts";
import type { Mesh, OperationOutput } from "../protocol/index.ts";
import { cleanLine } from "../words/index.ts";
import { print } from "./output.ts";

type Repository = NonNullable<OperationOutput<"worktrees">["repository"]>;

/** What it wants, whole: nothing of it is done before somebody has read it. */
export function setupLines({ path, setup }: Repository): string {
  if (!setup) return `${path} wants nothing done in its worktrees.`;
  return [
    `${path} wants this in each new worktree (.repowire.yaml):`,
    ...setup.copy.map((file) => `  copy ${shellWord(cleanLine(file))}`),
    ...(setup.command ? [`  run  ${setup.command.map((word) => shellWord(cleanLine(word))).join(" ")}`] : []),
  ].join("\n");
}

/** At a terminal, a person is asked whether to trust it; elsewhere nothing happens, and the start says what to do. */
export async function askTrust(mesh: Mesh, path: string): Promise<void> {
  if (!process.stdin.isTTY || !process.stdout.isTTY) return;
  const { repository } = await mesh.worktrees({ path });
  if (!repository?.setup || repository.setup.trusted) return;
  print(setupLines(repository));
  const isTrusted = await confirm({ message: "Trust this? You are asked again when it changes.", initialValue: false });
  if (isTrusted === true && !isCancel(isTrusted)) await mesh.trust_repository({ path, hash: repository.setup.hash });
}
