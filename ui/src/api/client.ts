import type { components, paths } from "./schema";

/** A record of the house by its name in OpenAPI: `Schema<"Run">`. */
export type Schema<Name extends keyof components["schemas"]> = components["schemas"][Name];

export type Method = "get" | "post" | "put" | "patch" | "delete";

export type PathOf<M extends Method> = {
  [P in keyof paths]: paths[P] extends Record<M, { responses: object }> ? P : never;
}[keyof paths];

type Operation<M extends Method, P extends PathOf<M>> = paths[P] extends Record<M, infer Found> ? Found : never;

type Json<Content> = Content extends { content: { "application/json": infer Body } } ? Body : never;

export type Answer<M extends Method, P extends PathOf<M>> =
  Operation<M, P> extends { responses: infer Responses }
    ? Json<Responses[keyof Responses & (200 | 201 | 202)]>
    : never;

type Loose<T> = { [Key in keyof T]: T[Key] | undefined };

type PathPart<O> = O extends { parameters: { path: infer Part } } ? { path: Part } : { path?: never };

type QueryPart<O> = O extends { parameters: { query: infer Part } }
  ? { query: Loose<Part> }
  : O extends { parameters: { query?: infer Part } }
    ? { query?: Loose<NonNullable<Part>> }
    : { query?: never };

type BodyPart<O> = O extends { requestBody: infer Part }
  ? { body: Json<Part> }
  : O extends { requestBody?: infer Part }
    ? { body?: Json<NonNullable<Part>> }
    : { body?: never };

export type Input<M extends Method, P extends PathOf<M>> = PathPart<Operation<M, P>> &
  QueryPart<Operation<M, P>> &
  BodyPart<Operation<M, P>>;

/** The input may be left out where the operation requires nothing. */
export type InputArgument<M extends Method, P extends PathOf<M>> =
  object extends Input<M, P> ? [input?: Input<M, P>] : [input: Input<M, P>];

/** The house's refusal, as every door gives it: a code, what happened, and what to do about it. */
export class HouseError extends Error {
  override name = "HouseError";

  readonly status: number;
  readonly code: string;
  readonly hint: string;

  constructor(status: number, code: string, message: string, hint: string) {
    super(message);
    this.status = status;
    this.code = code;
    this.hint = hint;
  }
}

interface LooseInput {
  path?: Record<string, unknown>;
  query?: Record<string, unknown>;
  body?: unknown;
}

export function addressOf(path: string, input: LooseInput = {}): string {
  const filled = path.replace(/\{(\w+)\}/g, (_, name: string) => encodeURIComponent(String(input.path?.[name])));
  const query = new URLSearchParams();
  for (const [name, value] of Object.entries(input.query ?? {})) {
    if (value === undefined || value === null) continue;
    for (const one of Array.isArray(value) ? value : [value]) query.append(name, String(one));
  }
  return query.size > 0 ? `${filled}?${query}` : filled;
}

/** What the house said when it refused. */
export async function refusal(response: Response): Promise<HouseError> {
  let said: { code?: unknown; message?: unknown; hint?: unknown } = {};
  try {
    const { error } = (await response.json()) as { error?: typeof said };
    if (typeof error === "object") said = error;
  } catch {
    // A proxy in between may answer with something that is not JSON; the status still tells.
  }
  return new HouseError(
    response.status,
    String(said.code ?? "unknown"),
    String(said.message ?? `${response.status} ${response.statusText}`),
    String(said.hint ?? ""),
  );
}

export async function call<M extends Method, P extends PathOf<M>>(
  method: M,
  path: P,
  ...[input]: InputArgument<M, P>
): Promise<Answer<M, P>> {
  const given = (input ?? {}) as LooseInput;
  const request: RequestInit = { method: method.toUpperCase(), headers: { accept: "application/json" } };
  if (given.body !== undefined) {
    request.body = JSON.stringify(given.body);
    request.headers = { accept: "application/json", "content-type": "application/json" };
  }
  let response: Response;
  try {
    response = await fetch(addressOf(path, given), request);
  } catch {
    throw new HouseError(0, "unreachable", "The house does not answer.", "Is `ondol up` running?");
  }
  if (!response.ok) throw await refusal(response);
  return (await response.json()) as Answer<M, P>;
}
