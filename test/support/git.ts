/** Git for tests, as a person with a name of their own; throws what it says where it fails. Returns what it printed. */
export function git(folder: string, ...args: string[]): string {
  const who = ["-c", "user.name=x", "-c", "user.email=x@y", "-c", "init.defaultBranch=main"];
  const ran = Bun.spawnSync(["git", ...who, ...args], { cwd: folder });
  if (ran.exitCode !== 0) throw new Error(ran.stderr.toString());
  return ran.stdout.toString().trim();
}
