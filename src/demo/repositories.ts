import { execFileSync } from "node:child_process";
import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";

/** The small repositories that the demo's agents work in. */

const USERS = `// The users API.
//
// GET /users returns
//   200 { users: { id: string, name: string, email: string }[], next: string | null }
//   at most 50 per page; pass ?after=<next> for the following one

export function listUsers(after?: string) {
  return { users: [], next: after ?? null };
}
`;

const MIGRATION = "alter table users add column email text not null default '';\n";

export type DemoRepository = "frontend" | "backend" | "infra";

export function makeRepositories(root: string): Record<DemoRepository, string> {
  const frontend = makeRepository(join(root, "frontend"), {
    "src/users-page.ts": "// TODO: render what GET /users returns\n",
  });
  const backend = makeRepository(join(root, "backend"), { "src/users.ts": USERS });
  const infra = makeRepository(join(root, "infra"), { "src/0042_users_email.sql": MIGRATION });
  return { frontend, backend, infra };
}

function makeRepository(folder: string, files: Record<string, string>): string {
  mkdirSync(join(folder, "src"), { recursive: true });
  for (const [name, content] of Object.entries(files)) writeFileSync(join(folder, name), content);
  const git = (...args: string[]) =>
    execFileSync(
      "git",
      ["-c", "user.name=demo", "-c", "user.email=demo@localhost", "-c", "commit.gpgsign=false", ...args],
      { cwd: folder, stdio: "ignore" },
    );
  try {
    git("init", "--initial-branch=main");
    git("add", ".");
    git("commit", "-m", "The state of things");
  } catch {
    // Without git the answer carries no commit; everything else is the same.
  }
  return folder;
}
