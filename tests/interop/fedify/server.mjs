// An independent ActivityPub server (Fedify) with one Person, /users/fay, driven over /control/* by peer.py.
// It judges every signature of a request separately and writes that down; it keeps nothing on disk, listens
// on loopback only, and ends when its standard input closes, so that a killed test run leaves nothing behind.
import { createServer } from "node:http";
import { createExponentialBackoffPolicy, createFederation, generateCryptoKeyPair } from "@fedify/fedify";
import { InProcessMessageQueue, MemoryKvStore, parseNodeInfo } from "@fedify/fedify";
import * as vocab from "@fedify/vocab";
import { Temporal } from "@js-temporal/polyfill";
import { agent, judge, loader, signatureOf, SPECS, trust } from "./judge.mjs";

const { Activity, Note, Tombstone, PUBLIC_COLLECTION } = vocab;
const BRINGS = [vocab.Create, vocab.Update, vocab.Announce];
const FAY = { identifier: "fay" };

const log = [];
const followers = new Map(); // actor id -> actor
const following = new Map(); // actor id -> { follow, state }
const sent = new Map(); // activity id -> { activity, recipients }
const notes = new Map(); // own object id -> Note or Tombstone
const held = new Map(); // foreign object id -> what was understood of its newest version
let failures = { times: 0, status: 503 };
let preferred = SPECS[0];
let answer = "Accept";
let base;

function record(event, fields) {
  const entry = { n: log.length, event, at: new Date().toISOString(), ...fields };
  log.push(entry);
  return entry;
}
const now = () => Temporal.Now.instant().round("second");
const mint = (room) => new URL(`/${room}/${crypto.randomUUID()}`, base);

// Fedify remembers per host which form was accepted; here the first knock is always what the test prefers.
class Memory extends MemoryKvStore {
  get(key) {
    return key.includes("httpMessageSignaturesSpec") ? Promise.resolve(preferred) : super.get(key);
  }
}

const outward = globalThis.fetch;
globalThis.fetch = async (input, init) => {
  const request = new Request(input, init);
  const facts = { method: request.method, url: request.url, signature: signatureOf(request.headers) };
  try {
    const response = await outward(request);
    record("sent", { ...facts, status: response.status });
    return response;
  } catch (error) {
    record("sent", { ...facts, status: 0, reason: String(error.cause ?? error) });
    throw error;
  }
};

const queue = new InProcessMessageQueue({ pollInterval: { milliseconds: 100 } });
const often = { initialDelay: { milliseconds: 200 }, factor: 1, maxAttempts: 50 };
const patience = createExponentialBackoffPolicy(often);
const federation = createFederation({
  kv: new Memory(),
  queue,
  allowPrivateAddress: true,
  userAgent: agent,
  circuitBreaker: false,
  outboxRetryPolicy: patience,
  inboxRetryPolicy: patience,
  onOutboxError: (error, activity) => record("error", { reason: String(error), id: activity?.id?.href }),
});

federation
  .setActorDispatcher("/users/{identifier}", async (ctx, identifier) => {
    if (identifier !== FAY.identifier) return null;
    const keys = await ctx.getActorKeyPairs(identifier);
    return new vocab.Person({
      id: ctx.getActorUri(identifier),
      preferredUsername: identifier,
      name: "Fay of Fedify",
      summary: "<p>A peer that somebody else wrote.</p>",
      url: new URL("/@fay", base),
      inbox: ctx.getInboxUri(identifier),
      outbox: ctx.getOutboxUri(identifier),
      followers: ctx.getFollowersUri(identifier),
      endpoints: new vocab.Endpoints({ sharedInbox: ctx.getInboxUri() }),
      published: Temporal.Instant.from("2026-01-01T00:00:00Z"),
      publicKey: keys[0].cryptographicKey,
      assertionMethods: keys.map((pair) => pair.multikey),
    });
  })
  .setKeyPairsDispatcher(() => keyPairs);
federation.setOutboxDispatcher("/users/{identifier}/outbox", () => ({
  items: [...sent.values()].map(({ activity }) => activity).filter((each) => each instanceof vocab.Create),
}));
federation.setFollowersDispatcher("/users/{identifier}/followers", () => ({
  items: [...followers.values()],
}));
federation.setObjectDispatcher(
  Note,
  "/notes/{id}",
  (ctx, { id }) => notes.get(new URL(`/notes/${id}`, base).href) ?? null,
);
federation.setObjectDispatcher(
  Activity,
  "/activities/{id}",
  (ctx, { id }) => sent.get(new URL(`/activities/${id}`, base).href)?.activity ?? null,
);
federation.setNodeInfoDispatcher("/nodeinfo/2.1", () => ({
  software: { name: "fedify-peer", version: "2.3.6" },
  protocols: ["activitypub"],
  usage: { users: { total: 1 }, localPosts: notes.size, localComments: 0 },
}));

async function handled(ctx, activity) {
  const object = await activity.getObject({ ...trust, suppressError: true }).catch(() => null);
  const [type, whom] = [activity.constructor.name, activity.actorId.href];
  record("handled", { type, id: activity.id?.href, actor: whom, objectId: activity.objectId?.href });
  const mine = following.get(whom);
  if (activity instanceof vocab.Follow && activity.objectId?.href === ctx.getActorUri("fay").href) {
    const follower = await activity.getActor(ctx);
    if (answer === "Accept") followers.set(whom, follower);
    if (answer in vocab) await deliver(ctx, [follower], answer, { object: activity, to: activity.actorId });
  } else if (activity instanceof vocab.Undo && object instanceof vocab.Follow) followers.delete(whom);
  else if (activity instanceof vocab.Accept && mine) mine.state = "accepted";
  else if (activity instanceof vocab.Reject && mine) mine.state = "rejected";
  else if (activity instanceof vocab.Delete) held.delete(activity.objectId?.href);
  else if (BRINGS.some((kind) => activity instanceof kind) && object?.id && !(object instanceof Activity)) {
    held.set(object.id.href, await understood(ctx, object));
  }
}
federation
  .setInboxListeners("/users/{identifier}/inbox", "/inbox")
  .on(Activity, handled)
  .onError((ctx, error) => record("error", { reason: String(error) }))
  .setSharedKeyDispatcher(() => FAY);

// A format is asked for, since without one Fedify hands back the very document that it read.
const understood = (ctx, object) => object.toJsonLd({ format: "compact", contextLoader: ctx.contextLoader });

async function deliver(ctx, recipients, type, fields, inbox = "shared") {
  const activity = new vocab[type]({ id: mint("activities"), actor: ctx.getActorUri("fay"), ...fields });
  const unique = [...new Map(recipients.map((actor) => [actor.id.href, actor])).values()];
  sent.set(activity.id.href, { activity, recipients: unique });
  await ctx.sendActivity(FAY, unique, activity, { preferSharedInbox: inbox === "shared" });
  return { id: activity.id.href };
}

async function actorAt(ctx, url) {
  const actor = await ctx.lookupObject(new URL(url), trust);
  if (!vocab.isActor(actor)) throw new Error(`no actor at ${url}`);
  return actor;
}

const everybody = (ctx, others) => ({
  to: PUBLIC_COLLECTION,
  ccs: [ctx.getFollowersUri("fay"), ...others.map((actor) => actor.id)],
});
const undo = async (ctx, id, inbox) => {
  const { activity, recipients } = sent.get(id);
  const { toIds: tos, ccIds: ccs } = activity;
  return await deliver(ctx, recipients, "Undo", { object: activity, tos, ccs }, inbox);
};

const CONTROL = {
  log: (ctx, { since = 0 }) => log.slice(since),
  state: (ctx) => ({
    actor: ctx.getActorUri("fay").href,
    followers: [...followers.keys()],
    following: Object.fromEntries([...following].map(([id, { state }]) => [id, state])),
    held: Object.fromEntries(held),
  }),
  async follow(ctx, { actor: url, inbox }) {
    const actor = await actorAt(ctx, url);
    const made = await deliver(ctx, [actor], "Follow", { object: actor.id, to: actor.id }, inbox);
    following.set(actor.id.href, { id: made.id, state: "asked" });
    return made;
  },
  async unfollow(ctx, { actor, inbox }) {
    const { id } = following.get(new URL(actor).href);
    following.delete(new URL(actor).href);
    return await undo(ctx, id, inbox);
  },
  undo: (ctx, { id, inbox }) => undo(ctx, id, inbox),
  async note(ctx, { to = [], content, inReplyTo, inbox }) {
    const others = await Promise.all([to].flat().map((url) => actorAt(ctx, url)));
    const [id, published, audience] = [mint("notes"), now(), everybody(ctx, others)];
    const handle = (actor) => `@${actor.preferredUsername}@${actor.id.host}`;
    const tags = others.map((actor) => new vocab.Mention({ href: actor.id, name: handle(actor) }));
    const replyTarget = inReplyTo ? new URL(inReplyTo) : null;
    const attribution = ctx.getActorUri("fay");
    const note = new Note({ id, attribution, content, published, tags, replyTarget, url: id, ...audience });
    notes.set(id.href, note);
    const receivers = [...followers.values(), ...others];
    const made = await deliver(ctx, receivers, "Create", { object: note, published, ...audience }, inbox);
    return { id: id.href, activity: made.id };
  },
  edit: (ctx, { id, content, inbox }) =>
    change(ctx, id, "Update", (note) => note.clone({ content, updated: now() }), inbox),
  delete: (ctx, { id, inbox }) =>
    change(ctx, id, "Delete", (note) => new Tombstone({ id: note.id, deleted: now() }), inbox),
  async like(ctx, { object, actor, inbox }) {
    const author = await actorAt(ctx, actor);
    return await deliver(ctx, [author], "Like", { object: new URL(object), to: author.id }, inbox);
  },
  async announce(ctx, { object, actor, inbox }) {
    const author = await actorAt(ctx, actor);
    const fields = { object: new URL(object), published: now(), ...everybody(ctx, [author]) };
    return await deliver(ctx, [...followers.values(), author], "Announce", fields, inbox);
  },
  reset() {
    for (const memory of [followers, following, sent, notes, held]) memory.clear();
    log.length = 0;
    [failures, preferred, answer] = [{ times: 0, status: 503 }, SPECS[0], "Accept"];
  },
  fail: (ctx, { times, status = 503 }) => (failures = { times, status }),
  prefer(ctx, { spec }) {
    if (!SPECS.includes(spec)) throw new Error(`spec is one of ${SPECS}`);
    return { spec: (preferred = spec) };
  },
  answer: (ctx, { with: kind }) => ({ with: (answer = kind) }),
  async lookup(ctx, { url, signed = false }) {
    const documentLoader = signed ? await ctx.getDocumentLoader(FAY) : loader;
    const object = await ctx.lookupObject(new URL(url), { documentLoader, contextLoader: loader });
    return { type: object?.constructor.name ?? null, document: object && (await understood(ctx, object)) };
  },
  async collection(ctx, { url }) {
    const items = [];
    const collection = await ctx.lookupObject(new URL(url), trust);
    for await (const item of ctx.traverseCollection(collection, trust)) {
      items.push(await understood(ctx, item));
    }
    return { totalItems: collection.totalItems, items };
  },
  nodeinfo: async (ctx, { url }) => parseNodeInfo(await (await fetch(url)).json()),
  webfinger: (ctx, { resource }) => ctx.lookupWebFinger(new URL(resource), { allowPrivateAddress: true }),
};

async function change(ctx, id, type, make, inbox) {
  const before = notes.get(id);
  const { recipients } = [...sent.values()].find(({ activity }) => activity.objectId?.href === id);
  notes.set(id, make(before));
  const audience = { tos: before.toIds, ccs: before.ccIds };
  return await deliver(ctx, recipients, type, { object: notes.get(id), ...audience }, inbox);
}

async function control(name, ctx, text) {
  try {
    return Response.json((await CONTROL[name](ctx, text ? JSON.parse(text) : {})) ?? null);
  } catch (error) {
    return Response.json({ error: String(error) }, { status: 422 });
  }
}

async function answerTo(request, text) {
  const { pathname, href } = new URL(request.url);
  if (pathname.startsWith("/control/")) {
    const ctx = federation.createContext(new URL(base), undefined);
    return await control(pathname.slice("/control/".length), ctx, text);
  }
  const entry = record("received", await judge(request, text));
  let response;
  if (request.method === "POST" && failures.times > 0) {
    failures.times -= 1;
    response = new Response("out of order, as the test asked", { status: failures.status });
  } else if (notes.get(href) instanceof Tombstone) {
    const body = await notes.get(href).toJsonLd({ format: "compact" });
    response = Response.json(body, { status: 410, headers: { "content-type": "application/activity+json" } });
  } else response = await federation.fetch(request, { contextData: undefined });
  entry.status = response.status;
  return response;
}

async function serve(incoming, outgoing) {
  const chunks = await incoming.toArray();
  const { method, url, headers } = incoming;
  const body = method === "GET" || method === "HEAD" ? undefined : Buffer.concat(chunks);
  const request = new Request(`http://${headers.host}${url}`, { method, headers, body });
  const response = await answerTo(request, body?.toString());
  outgoing.writeHead(response.status, Object.fromEntries(response.headers));
  outgoing.end(Buffer.from(await response.arrayBuffer()));
}

const kinds = ["RSASSA-PKCS1-v1_5", "Ed25519"];
const keyPairs = await Promise.all(kinds.map((kind) => generateCryptoKeyPair(kind)));
const server = createServer((incoming, outgoing) => {
  serve(incoming, outgoing).catch((error) => {
    record("error", { reason: String(error.stack ?? error) });
    outgoing.writeHead(500).end();
  });
});
server.listen(0, "127.0.0.1", () => {
  base = `http://localhost:${server.address().port}`;
  console.log(JSON.stringify({ url: base, node: process.version }));
});
process.stdin.resume().on("close", () => process.exit(0));
