/**
 * The page for whoever stands at the device with a screwdriver: what each camera sees, how sharp it
 * is, and whether it still looks where it did. One file and no library, so that it works on a phone
 * without any network but the device's own.
 */

export const page = `<!doctype html>
<html lang="en">
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>fieldloop: cameras of this device</title>
<style>
  :root { color-scheme: light dark; --line: light-dark(#c9ced6, #3a414c); --good: light-dark(#1a7f37, #4ac26b);
    --bad: light-dark(#a3460b, #f0883e); --dim: light-dark(#59636e, #9ba4b0); }
  body { font: 16px/1.5 system-ui, sans-serif; margin: 0 auto; max-width: 60rem; padding: 1rem; }
  h1 { font-size: 1.25rem; margin: 0 0 1rem; }
  .row { display: flex; flex-wrap: wrap; gap: .75rem 1.25rem; align-items: center; margin: .75rem 0; }
  .view { position: relative; background: #000; border-radius: 6px; overflow: hidden; aspect-ratio: 4 / 3; max-width: 45rem; }
  .view img { position: absolute; inset: 0; width: 100%; height: 100%; object-fit: contain; }
  .view p { position: absolute; inset: 0; margin: auto; height: 1.5em; text-align: center; color: #ddd; }
  meter { width: min(24rem, 60vw); height: 1.5rem; }
  output { font-variant-numeric: tabular-nums; font-size: 1.5rem; min-width: 4.5rem; }
  button, select { font: inherit; padding: .4rem .8rem; }
  .dim { color: var(--dim); } .good { color: var(--good); } .bad { color: var(--bad); }
  ul { margin: .25rem 0; padding-left: 1.25rem; }
  hr { border: 0; border-top: 1px solid var(--line); }
</style>
<h1>Cameras of this device</h1>
<div class="row">
  <label>Camera <select id="camera"></select></label>
  <span id="state" role="status"></span>
</div>
<div class="view">
  <p id="nothing">no picture yet</p>
  <img id="live" alt="what the camera sees now" hidden>
  <img id="reference" alt="the reference picture" hidden>
</div>
<div class="row">
  <label for="sharp">Focus</label>
  <meter id="sharp" min="0" max="100" low="80" high="95" optimum="100" value="0"></meter>
  <output id="percent">–</output>
  <button id="restart" type="button">Start over</button>
</div>
<p class="dim" id="advice">Turn the lens slowly past the sharpest point once, then back until the meter is full again.</p>
<div class="row">
  <label>Reference over the picture <input id="overlay" type="range" min="0" max="100" value="0"></label>
</div>
<hr>
<div id="health"></div>
<div class="row"><button id="commission" type="button">Take what it sees now as the reference</button></div>
<script src="/page.js"></script>
</html>
`;

export const pageScript = `"use strict";
const at = (id) => document.getElementById(id);
const select = at("camera");
let peak = 0;

const path = (what) => "/v1/cameras/" + encodeURIComponent(select.value) + "/" + what;
async function ask(url, options) {
  const answer = await fetch(url, options);
  const body = await answer.json();
  if (!answer.ok) throw new Error(body.detail);
  return body;
}
const line = (text, look) => {
  const element = document.createElement("p");
  element.textContent = text;
  element.className = look || "";
  return element;
};
const when = (ms) => new Date(ms).toLocaleString();

let streaming = false;

function showHealth(health) {
  const parts = [];
  if (health.commissioning) {
    const { taken, wanted } = health.commissioning;
    parts.push(line("Taking the reference: " + taken + " of " + wanted + " pictures. Leave the camera alone."));
  } else if (health.reference) {
    parts.push(line("Reference of " + when(health.reference.madeAt) + ", from " + health.reference.thumbnails + " pictures."));
    for (const weakness of health.reference.weaknesses) parts.push(line("Weak: " + weakness + ".", "bad"));
  } else {
    parts.push(line("No reference yet: blur, fog, covers and movement cannot be told. Point and focus the camera, then take one.", "bad"));
  }
  if (health.raised.length === 0 && streaming) parts.push(line("Nothing is wrong with the camera.", "good"));
  for (const { condition, since } of health.raised) parts.push(line("Since " + when(since) + ": " + condition, "bad"));
  at("health").replaceChildren(...parts);
  at("commission").disabled = health.commissioning !== null;
  const reference = at("reference");
  const source = health.reference ? path("reference") + "?of=" + health.reference.madeAt : "";
  if (source && reference.getAttribute("src") !== source) reference.src = source;
  reference.hidden = !source;
}

function showFocus(view) {
  peak = view.peak;
  at("sharp").value = view.percent;
  at("percent").textContent = view.kind === "unclear" ? "–" : view.percent + " %";
  at("advice").textContent = view.kind === "unclear"
    ? "There is too little in the picture to focus on; point the camera at something with edges."
    : view.kind === "at-peak" && peak > 0
      ? "This is the sharpest so far. Turn the lens past it once to be sure."
      : "Turn the lens slowly past the sharpest point once, then back until the meter is full again.";
}

async function every(ms, work) {
  for (;;) {
    const from = performance.now();
    try { if (select.value && !document.hidden) await work(); } catch (error) { at("state").textContent = error.message; }
    await new Promise((done) => setTimeout(done, Math.max(50, ms - (performance.now() - from))));
  }
}

async function showPicture() {
  const answer = await fetch("/v1/snapshot?camera=" + encodeURIComponent(select.value));
  if (!answer.ok) {
    at("nothing").textContent = (await answer.json()).detail;
    return;
  }
  const live = at("live");
  const old = live.src;
  live.src = URL.createObjectURL(await answer.blob());
  await live.decode();
  live.hidden = false;
  at("nothing").hidden = true;
  if (old) URL.revokeObjectURL(old);
}

async function showState() {
  const status = await ask("/v1/status");
  if (select.options.length === 0)
    for (const { name } of status.cameras) select.add(new Option(name));
  const camera = status.cameras.find(({ name }) => name === select.value);
  streaming = camera !== undefined && camera.state === "streaming";
  if (camera) at("state").textContent = camera.state + (camera.reason ? ": " + camera.reason : "");
  at("state").className = streaming ? "good" : "bad";
  if (camera && camera.health) showHealth(await ask(path("health")));
  else at("health").replaceChildren(line("The health of this camera is not watched.", "dim"));
}

const startOver = () => { peak = 0; };
at("restart").onclick = startOver;
select.onchange = () => { startOver(); at("live").hidden = true; at("reference").hidden = true; at("nothing").hidden = false; };
at("overlay").oninput = ({ target }) => { at("reference").style.opacity = target.value / 100; };
at("reference").style.opacity = 0;
at("commission").onclick = async () => {
  try { showHealth(await ask(path("reference"), { method: "POST" })); }
  catch (error) { at("state").textContent = error.message; }
};

showState().catch(() => {}).then(() => {
  every(1000, showState);
  every(500, showPicture);
  every(250, async () => { if (!at("live").hidden) showFocus(await ask(path("focus?peak=" + peak))); });
});
`;
