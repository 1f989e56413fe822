import { useState } from "preact/hooks";
import type { OperationOutput } from "../../protocol/index.ts";
import { call } from "../live/api.ts";
import { useLoaded } from "../live/load.ts";
import { visible } from "../live/markdown.ts";
import { now } from "../live/mesh.ts";
import { address } from "../live/route.ts";
import { age, shortPath } from "../live/say.ts";
import { attempt } from "../live/toasts.ts";
import { Dialog } from "../parts/dialog.tsx";

type Worktree = OperationOutput<"worktrees">["worktrees"][number];

const EVERY_MS = 15_000;
const LISTED_MAX = 20;

/** The checkouts that sessions were started on apart, with what is nowhere else. */
export function Worktrees() {
  const { value, why, again } = useLoaded(() => call("worktrees", {}), EVERY_MS);
  const [removing, setRemoving] = useState<string | undefined>(undefined);
  const chosen = value?.worktrees.find(({ path }) => path === removing);
  return (
    <section class="worktrees" aria-labelledby="worktrees-title">
      <header class="view-head">
        <a class="back" href={address({ view: "mesh" })} aria-label="Back to the mesh">
          ‹
        </a>
        <h1 id="worktrees-title">Worktrees</h1>
      </header>
      {why ? <p role="alert">{why}</p> : null}
      {value === undefined && !why ? <p class="empty">Looking at each…</p> : null}
      {value?.worktrees.length === 0 ? (
        <p class="empty">
          None yet. A session gets one with <code>repowire peer new PATH --worktree BRANCH</code>, or when an agent
          starts it so.
        </p>
      ) : null}
      <ul class="cards">
        {value?.worktrees.map((worktree) => (
          <li key={worktree.path}>
            <One worktree={worktree} onRemove={() => setRemoving(worktree.path)} />
          </li>
        ))}
      </ul>
      {chosen ? (
        <RemoveDialog
          worktree={chosen}
          onClose={() => {
            setRemoving(undefined);
            again();
          }}
        />
      ) : null}
    </section>
  );
}

function One({ worktree, onRemove }: { worktree: Worktree; onRemove(): void }) {
  const { path, repository, branch, made_at, made_by, peers } = worktree;
  return (
    <article class="card" aria-label={`worktree ${branch}`}>
      <h3>
        <strong>{visible(branch)}</strong>
      </h3>
      <dl class="pairs">
        <dt>Folder</dt>
        <dd class="path" title={path}>
          {visible(shortPath(path))}
        </dd>
        <dt>Of</dt>
        <dd class="path" title={repository}>
          {visible(shortPath(repository))}
        </dd>
        <dt>Made</dt>
        <dd>
          {age(now.value - made_at)} by {visible(made_by)}
        </dd>
        <dt>Session</dt>
        <dd>
          {peers.length === 0 ? "none" : peers.map(({ name, presence }) => `${visible(name)} (${presence})`).join(", ")}
        </dd>
        <dt>Not saved</dt>
        <dd>{unsaved(worktree)}</dd>
      </dl>
      <p>
        <button type="button" class="small danger" onClick={onRemove}>
          Remove…
        </button>
      </p>
    </article>
  );
}

function unsaved({ missing, files, commits }: Worktree): string {
  if (missing) return "its folder is gone";
  if (files === undefined || commits === undefined) return "git does not tell";
  if (files.length + commits.length === 0) return "nothing: all of it is elsewhere, too";
  return [count(files.length, "file"), count(commits.length, "commit")].filter(Boolean).join(", ");
}

const count = (n: number, what: string): string => (n === 0 ? "" : `${n} ${what}${n === 1 ? "" : "s"}`);

/** What would be lost stands there by name, and is lost only when that was ticked. */
function RemoveDialog({ worktree, onClose }: { worktree: Worktree; onClose(): void }) {
  const { path, branch, made_branch: isOwnBranch, files = [], commits = [] } = worktree;
  const [keepsBranch, setKeepsBranch] = useState(false);
  const [isLossTicked, setIsLossTicked] = useState(false);
  const [isRunning, setIsRunning] = useState(false);
  const lost = [...files, ...(keepsBranch ? [] : commits)];
  async function remove(): Promise<void> {
    setIsRunning(true);
    const isDone = await attempt(async () => {
      const force = lost.length > 0 && isLossTicked;
      if (force) await checkSame(worktree);
      const done = await call("remove_worktree", { worktree: path, force, keep_branch: keepsBranch });
      const gone = done.lost.files.length + done.lost.commits.length;
      const what =
        gone > 0 ? ` Lost: ${[...done.lost.files, ...done.lost.commits].slice(0, LISTED_MAX).join(", ")}.` : "";
      return `Removed ${done.path}; branch ${done.branch} is ${done.branch_removed ? "gone" : "kept"}.${what}`;
    });
    if (isDone) onClose();
    setIsRunning(false);
  }
  return (
    <Dialog title={`Remove the worktree ${branch}?`} onClose={onClose}>
      <p>
        Its folder goes: <code>{visible(path)}</code>. What git ignores in it (build results, copied settings) goes
        without a word.
      </p>
      <Loss title="Not committed" lines={files} />
      {keepsBranch ? null : <Loss title="Commits on no other branch, tag or remote" lines={commits} />}
      {isOwnBranch ? (
        <label class="choice">
          <input
            type="checkbox"
            checked={keepsBranch}
            onChange={(event) => setKeepsBranch(event.currentTarget.checked)}
          />{" "}
          keep the branch {visible(branch)}
        </label>
      ) : null}
      {lost.length > 0 ? (
        <label class="choice">
          <input
            type="checkbox"
            checked={isLossTicked}
            onChange={(event) => setIsLossTicked(event.currentTarget.checked)}
          />{" "}
          lose these for good
        </label>
      ) : null}
      <div class="dialog-row">
        <button type="button" onClick={onClose}>
          Leave it
        </button>
        <button
          type="button"
          class="danger"
          disabled={isRunning || (lost.length > 0 && !isLossTicked)}
          onClick={() => void remove()}
        >
          {isRunning ? "Removing…" : "Remove it"}
        </button>
      </div>
    </Dialog>
  );
}

/** Force takes whatever is there: what came since it was shown was not ticked. */
async function checkSame({ path, files, commits }: Worktree): Promise<void> {
  const found = (await call("worktrees", {})).worktrees.find((one) => one.path === path);
  if (JSON.stringify([found?.files, found?.commits]) !== JSON.stringify([files, commits]))
    throw new Error("Meanwhile there is other work in it than what is shown. Close this and look again.");
}

function Loss({ title, lines }: { title: string; lines: readonly string[] }) {
  if (lines.length === 0) return null;
  const more = lines.length - LISTED_MAX;
  return (
    <div class="loss">
      <p>
        <strong>{title}</strong>
      </p>
      <ul>
        {lines.slice(0, LISTED_MAX).map((line) => (
          <li key={line}>
            <code>{visible(line)}</code>
          </li>
        ))}
      </ul>
      {more > 0 ? <p class="quiet">and {more} more</p> : null}
    </div>
  );
}
