/**
 * Names of the HTTP surface that more than one side needs. No imports: the hook entry, which starts with every event of a session,
 * takes them from here without loading a schema library.
 */
export const HTTP_PATHS = {
  operation: (name: string) => `/v1/${name}`,
  events: "/v1/events/stream",
  attachments: "/v1/attachments",
  attachment: (id: string) => `/v1/attachments/${id}`,
  link: "/v1/link",
  health: "/health",
  metrics: "/metrics",
  openApi: "/openapi.json",
  docs: "/docs",
  mcp: "/mcp",
  page: "/",
  login: "/login",
  logout: "/logout",
  hookReport: (runtime: string) => `/v1/hooks/${runtime}`,
  hookPrinted: (runtime: string) => `/v1/hooks/${runtime}/printed`,
} as const;

/** The pid of the calling process: the daemon believes it only after it found this very connection among that process's sockets. */
export const PID_HEADER = "repowire-pid";
/** The SHA-256 of a file: with an upload what it must be, with a download what it is. */
export const HASH_HEADER = "repowire-sha256";
/** What the dashboard's page itself keeps of its login, beside the cookie: cookies go to every port of a host, this goes nowhere by itself. */
export const PAGE_HEADER = "repowire-page";
/** Where in the page's address the one-time code of a login link stands: behind the `#`, which no browser sends to anybody. */
export const LOGIN_FRAGMENT = "login=";
export const DEFAULT_PORT = 8377;
export const HOST = "127.0.0.1";
