// What Fedify thinks of each signature of a request, one verdict a kind; it stores and answers nothing.
import { detachSignature, hasProofLike, hasSignatureLike } from "@fedify/fedify";
import { verifyJsonLd, verifyObject, verifyRequestDetailed } from "@fedify/fedify";
import * as vocab from "@fedify/vocab";
import { getDocumentLoader } from "@fedify/vocab-runtime";

export const SPECS = ["rfc9421", "draft-cavage-http-signatures-12"];
export const agent = "fedi-cluster-interop-fedify/2.3.6";
// Without a cache: each verdict reads the signer's document anew, so a rotated key is seen at once.
export const loader = getDocumentLoader({ allowPrivateAddress: true, userAgent: agent });
export const trust = { documentLoader: loader, contextLoader: loader };

export const signatureOf = (headers) =>
  headers.has("signature-input") ? "rfc9421" : headers.has("signature") ? "draft-cavage" : "none";

async function verdict(present, check) {
  if (!present) return "absent";
  try {
    return (await check()) ? "verified" : "failed";
  } catch (error) {
    return `failed: ${error}`;
  }
}

// Each kind on its own: a request may be carried by a good proof although its HTTP signature is broken.
export async function judge(request, text) {
  const signature = signatureOf(request.headers);
  const facts = { method: request.method, path: new URL(request.url).pathname, signature };
  facts.agent = request.headers.get("user-agent");
  facts.http = await verdict(signature !== "none", async () => {
    const spec = signature === "rfc9421" ? SPECS[0] : SPECS[1];
    const result = await verifyRequestDetailed(request.clone(), { ...trust, spec });
    facts.keyId = (result.verified ? result.key.id : result.reason.keyId)?.href;
    if (!result.verified) facts.reason = result.reason.type;
    return result.verified;
  });
  let json;
  try {
    json = JSON.parse(text);
  } catch {
    return facts;
  }
  const inner = typeof json.object === "object" && json.object !== null ? json.object : {};
  // An LD signature is laid over the finished proof, so it comes off first.
  const whole = detachSignature(json);
  facts.proof = await verdict(hasProofLike(json), () => verifyObject(vocab.Activity, whole, trust));
  const alone = { "@context": json["@context"], ...detachSignature(inner) };
  facts.objectProof = await verdict(hasProofLike(inner), () => verifyObject(vocab.Object, alone, trust));
  facts.ld = await verdict(hasSignatureLike(json), () => verifyJsonLd(json, trust));
  const actor = json.actor?.id ?? json.actor;
  const objectId = inner.id ?? (typeof json.object === "string" ? json.object : undefined);
  const { type, id } = json;
  return { ...facts, type, id, actor, objectId, objectType: inner.type, content: inner.content };
}
