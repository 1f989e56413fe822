import { HASH_HEADER, HTTP_PATHS, LOGIN_FRAGMENT, PAGE_HEADER } from "../../protocol/endpoints.ts";
import type {
  Attachment,
  ErrorCode,
  LoginReply,
  OperationInput,
  OperationName,
  OperationOutput,
  Problem,
} from "../../protocol/index.ts";

/** The operations as the page calls them. What the daemon refuses is thrown with its own sentence. */

export class Refusal extends Error {
  readonly code: ErrorCode | "unreachable";
  constructor(code: ErrorCode | "unreachable", detail: string) {
    super(detail);
    this.code = code;
  }
}

const KEY = "repowire.page";

/** The page's half of the login: the other one is a cookie, which no script can read. */
export const pageSecret = (): string | null => localStorage.getItem(KEY);
export const forgetLogin = (): void => localStorage.removeItem(KEY);

export function headers(): Record<string, string> {
  return { [PAGE_HEADER]: pageSecret() ?? "" };
}

export async function call<Name extends OperationName>(
  name: Name,
  input: OperationInput<Name>,
  signal?: AbortSignal,
): Promise<OperationOutput<Name>> {
  return post(HTTP_PATHS.operation(name), input, signal) as Promise<OperationOutput<Name>>; // each operation answers with its own type
}

export async function post(path: string, body: unknown, signal?: AbortSignal): Promise<unknown> {
  const response = await reach(path, {
    method: "POST",
    headers: { "content-type": "application/json" },
    body: JSON.stringify(body),
    signal,
  });
  return response.json();
}

/** A file that came with a message, as it was sent. */
export async function bytesOf(id: string): Promise<Blob> {
  return (await reach(HTTP_PATHS.attachment(id), {})).blob();
}

/** Brings a file for a message that is yet to be sent. What came otherwise than it was read here is refused. */
export async function upload(file: File, signal: AbortSignal): Promise<Attachment> {
  const body = await file.arrayBuffer().catch(() => {
    throw new Refusal("invalid_input", "The browser could not read it: a folder, or a file that was changed or moved.");
  });
  const path = `${HTTP_PATHS.attachments}?${new URLSearchParams({ name: file.name })}`;
  const response = await reach(path, { method: "POST", headers: await hashOf(body), body, signal });
  return (await response.json()) as Attachment; // as the door answers
}

/** A browser has the function on this machine's own address and over TLS; elsewhere the daemon takes the file as it comes. */
async function hashOf(body: ArrayBuffer): Promise<Record<string, string>> {
  if (!isSecureContext) return {};
  const hash = [...new Uint8Array(await crypto.subtle.digest("SHA-256", body))];
  return { [HASH_HEADER]: hash.map((byte) => byte.toString(16).padStart(2, "0")).join("") };
}

async function reach(path: string, request: RequestInit): Promise<Response> {
  let response: Response;
  try {
    response = await fetch(path, { ...request, headers: { ...headers(), ...request.headers } });
  } catch (error) {
    if (request.signal?.aborted) throw error;
    throw new Refusal("unreachable", "The daemon does not answer. Nothing was done; this page tries again by itself.");
  }
  if (response.ok) return response;
  throw await refusalOf(response);
}

export async function refusalOf(response: Response): Promise<Refusal> {
  try {
    const problem = (await response.json()) as Problem; // the daemon's error document
    return new Refusal(problem.code, problem.detail);
  } catch {
    // Not the daemon's own words: something in between, or a daemon that was ended while it spoke.
    return new Refusal("unreachable", `The daemon's answer could not be read (HTTP ${response.status}).`);
  }
}

/** The one-time code that a login link carries behind its `#`; taken out of the address at once. */
export function takeCode(): string | undefined {
  const fragment = location.hash.slice(1);
  if (!fragment.startsWith(LOGIN_FRAGMENT)) return undefined;
  history.replaceState(null, "", "/");
  return fragment.slice(LOGIN_FRAGMENT.length);
}

export async function logIn(code: string): Promise<void> {
  const { page } = (await post(HTTP_PATHS.login, { code })) as LoginReply; // as the door answers
  localStorage.setItem(KEY, page);
}

export async function logOut(): Promise<void> {
  await post(HTTP_PATHS.logout, {});
  forgetLogin();
}
