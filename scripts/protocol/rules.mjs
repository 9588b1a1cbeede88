/** The prose of the protocol document: what a table cannot say. Limits are read, not repeated. */
import { previewBytesMax, previewHeader } from "@fieldloop/shared/contract/device-api";
import { batchLimits } from "@fieldloop/shared/messages/telemetry";
import { hashUnit } from "@fieldloop/shared/sampling";

const kib = (bytes) => `${bytes / 1024} KiB`;

export const introduction = `# Protocol

<!-- Written by \`npm run protocol\` from shared/src. Change it there. -->

What travels between a device and the cloud, for whoever writes a client in another language. A
client needs an MQTT 3.1.1 library, an HTTP client, JSON and gzip. The agent in \`edge/\` is one such
client.

## In one minute

1. Somebody creates a claim token (\`fieldloop devices enrol-token create\`). The device sends it once
   to \`POST /api/v1/enrol\` and keeps the answer: its id, its credential, the broker's URL and the
   topic root.
2. It connects to the broker (MQTT 3.1.1, clean session) with its id as client id and as user name,
   its credential as password, and a will on \`up/online\`. It subscribes to \`dn/#\` and publishes
   its birth on \`up/online\`.
3. The cloud answers with \`dn/ack\`, which says where the device stands, and \`dn/desired\`, which
   says what version of the desired document there is. Where that is not the one applied, the device
   fetches \`GET /api/v1/device/desired\` and does as it says.
4. From then on the device publishes windows and results on \`up/tm\`, events on \`up/ev\` and its
   state on \`up/state\`, and forgets rows only when \`dn/ack\` covers them.`;

export const types = `## Types and conventions

All messages are JSON objects in UTF-8. Times are Unix milliseconds by the clock of whoever wrote
them; the cloud orders by its own receive time.

| type | what it is |
|---|---|
| text | a string without U+0000 and without halves of surrogate pairs |
| slug | 1 to 64 of a-z, 0-9 and hyphens, beginning and ending with a letter or digit |
| sha256 | 64 lower-case hexadecimal digits |
| integer | a whole number between -(2^53-1) and 2^53-1 |
| count | a whole number from 0 to 2^53-1 |
| number | a finite number |
| [a, b] | a list of exactly these, in this order |
| map from text to x | an object whose keys are free |

A field marked with ° may be left out. Keys that are not named here are ignored in messages and
refused in HTTP bodies. Every message has \`v\`, the version of its form; another version is refused.`;

export const access = `A device may publish only on the upward topics of its own id and role, and
may subscribe only to its own \`dn/#\` or single topics below it. A refused subscription is answered
with 0x80. A publish that is not allowed is not acknowledged, and the broker may close the
connection: put such a message aside after a few tries instead of sending it for ever.`;

export const framing = `## Framing

A payload is either plain JSON or JSON compressed with gzip (RFC 1952). The first byte tells them
apart: \`{\` (0x7b) or 0x1f. Compress from ${batchLimits.gzipBytesMin} bytes on; below that it does not pay. Both directions
may be compressed. A payload weighs at most ${kib(batchLimits.payloadBytesMax)} on the wire and ${kib(batchLimits.inflatedBytesMax)} inflated; what is
larger is refused, and inflating stops at the limit. So is nesting deeper than 16 levels.`;

export const acknowledgement = `## Acknowledgements and epochs

1. Every row of \`up/tm\` and \`up/ev\` has a number that is unique within its *epoch*: both topics
   share one sequence, which begins at 1 and has no gaps.
2. An epoch is one life of the device's outbox; take a higher one at every start, and write it to
   disk before using it, in a place of its own that does not get lost with the outbox.
3. The first \`dn/ack\` after a birth names the highest epoch the cloud has ever seen from this
   device: once per epoch, before its first row is sent, move the epoch above that number where it is
   not, and remember on disk that this was checked.
4. Wait for that acknowledgement before sending rows, and publish the birth again when it has not
   come within half a minute.
5. \`dn/ack\` is sent after the database has committed; rows numbered up to \`upTo\`, and those within
   \`beyond\`, may be deleted, and no others.
6. MQTT's PUBACK only says that the broker has the message, and frees nothing but a place in your
   window.
7. Rows that were not acknowledged are sent again, after a new connection at once and otherwise after
   a patient wait; they may be cut into other batches, because the cloud keeps each number once.
8. A number that will never be sent, because a quota threw its row away, is named in \`skipped\` and
   counts as received.
9. Send one epoch to its end before the next, oldest first, and keep at most \`window\` batches
   unacknowledged; after a \`window\` of 0 wait for the next acknowledgement.
10. What does not validate goes to quarantine with its reason and is never acknowledged: put a batch
    aside that stays unanswered time and again while others are acknowledged.`;

const unitExamples = ["1.jpg", "belt-000042"]
  .map((id) => `\`${id}\` falls at ${hashUnit(id).toFixed(6)}`)
  .join(", ");

export const sampling = `## Which results are reported one by one

Windows count every result. Besides, \`settings.results\` says which are sent one by one: with
\`exceptions\` those that the model's manifest calls an exception, for example by a low confidence;
with \`sampled\` also a share of the others, \`sampleShare\`; with \`all\` every one.

The share is chosen by the frame's id, so that devices and stations choose the same frames without
talking: FNV-1a (32 bits) over the id's UTF-16 code units, then the finaliser of MurmurHash3 (32
bits), divided by 2^32, gives where the id falls between 0 and 1; a frame is chosen where that is
below the share. To check an implementation: ${unitExamples}.`;

export const phasesAbout = `Progress may get lost, so phases may be skipped; a message that would take an update backwards is
late and changes nothing. An attempt that begins again says so: \`downloading\` or \`verifying\` with a
later \`at\`. Another version is another update and begins anew.`;

export const httpAbout = `## The device's HTTP interface

Besides enrolment everything wants \`Authorization: Bearer\` with the device's credential. Errors are
\`application/problem+json\` (RFC 9457) with a stable \`code\` and, in \`detail\`, one sentence for
people. The whole interface is in \`/openapi.json\` of every installation.`;

export const httpNotes = {
  enrol:
    "Every successful call makes a device and uses the claim token once, and the credential is shown this once: keep it on disk before anything else. A refusal says in one sentence what is wrong with the token.",
  desired: "The document is described [above](#the-desired-document).",
  blob: "Bytes, with `Range` and `If-Range`, so that a download can go on where it stopped. Only files of the model the device is meant to run. Check the SHA-256 before using them.",
  preview: `At most ${kib(previewBytesMax)} of JPEG and one a second, only until \`preview.until\`; 409 when nobody watches. The header \`${previewHeader}\` carries the result to be drawn, as base64url of JSON: \`label\`, \`confidence\` and \`detections\` as in a single result.`,
};
