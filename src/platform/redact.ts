/**
 * What looks like a secret, wherever it turns up. Logs are not meant to hold any; this is for the error of some library that quotes
 * what it was given. Shapes of the services' own documentation; a secret without a shape is known by the name before it only.
 */
const SECRETS: readonly RegExp[] = [
  // repowire's token and the credentials made from it.
  /\brws?_[A-Za-z0-9_-]{20,}/gi,
  // OpenAI, Anthropic (sk-ant-…), and who took over their shape; Stripe's keys.
  /\bsk-[A-Za-z0-9_-]{16,}/gi,
  /\b[sr]k_(?:live|test)_[A-Za-z0-9]{10,}/gi,
  // GitHub, GitLab, npm, Slack, Google, Hugging Face, Telegram's bots.
  /\b(?:gh[opusr]|github_pat)_[A-Za-z0-9_]{16,}/gi,
  /\bglpat-[A-Za-z0-9_-]{16,}/gi,
  /\bnpm_[A-Za-z0-9]{30,}/gi,
  /\bxox[abeprs]-[A-Za-z0-9-]{10,}/gi,
  /\bxapp-[A-Za-z0-9-]{10,}/gi,
  /\bAIza[A-Za-z0-9_-]{30,}/gi,
  /\bhf_[A-Za-z0-9]{30,}/gi,
  /\b\d{8,10}:[A-Za-z0-9_-]{35}\b/gi,
  // AWS: the id of an access key (its secret half has no shape, only a name).
  /\b(?:AKIA|ASIA)[0-9A-Z]{16}\b/gi,
  // JSON web tokens.
  /\beyJ[A-Za-z0-9_-]{10,}\.[A-Za-z0-9_-]{10,}\.[A-Za-z0-9_-]*/gi,
  /-----BEGIN [A-Z ]{0,40}PRIVATE KEY-----(?:(?!-----)[\s\S])*(?:-----END [A-Z ]{0,40}PRIVATE KEY-----)?/gi,
];

const SCHEMES = /\b(bearer|basic)\s+[A-Za-z0-9+/=._~-]{6,}/gi;
const IN_URL = /(\b[a-z][a-z0-9+.-]{1,20}:\/\/[^\s/:@"'<>]{0,200}:)[^\s/@"'<>]{1,500}@/gi;
/** `password=…`, `"api_key": "…"`, `authorization: Bearer …`. */
const NAMED =
  /([a-z0-9_-]{0,40}(?:authorization|cookie|passw(?:or)?d|passphrase|secret|token|api[_-]?key|access[_-]?key|private[_-]?key|credential)s?)(["']?\s{0,5}[:=]\s{0,5}["']?)(?:(?:bearer|basic)\s+)?[^\s"',;]{6,}/gi;

const REDACTED = "[redacted]";

export function redact(text: string): string {
  const clean = redactPlain(text);
  if (!ENCODED.test(text)) return clean;
  const decoded = text.replace(/%([2-7][0-9a-f])/gi, (_whole, hex: string) =>
    String.fromCharCode(Number.parseInt(hex, 16)),
  );
  const cleanDecoded = redactPlain(decoded);
  return cleanDecoded === decoded ? clean : cleanDecoded;
}

/** Text within a URL: its separators are letters and digits, which would hide where a secret begins. */
const ENCODED = /%[2-7][0-9a-f]/i;

function redactPlain(text: string): string {
  let clean = text;
  for (const pattern of SECRETS) clean = clean.replace(pattern, REDACTED);
  return clean.replace(IN_URL, `$1${REDACTED}@`).replace(NAMED, `$1$2${REDACTED}`).replace(SCHEMES, `$1 ${REDACTED}`);
}

/** Fields whose value is a secret, or text and surroundings of somebody, whatever it looks like. */
const SECRET_FIELD =
  /^(?:body|text|question|preview|input|env|environment|headers)$|authorization|cookie|passw(?:or)?d|passphrase|secret|token|api_?key|access_?key|private_?key|credential/i;

export const isSecretField = (name: string): boolean => SECRET_FIELD.test(name);
