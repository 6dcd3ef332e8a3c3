"use strict";
// Controls of the page; pictures are computed in a worker, so that it never stands still.

const DATA = JSON.parse(document.getElementById("data").textContent);
const [CHANNELS, HEIGHT, WIDTH] = DATA.shape;
const LARGEST_SEED = 2 ** 32;
const STRIP = 24;
const element = (id) => document.getElementById(id);

/** What is shown: where the latent came from, the latent itself, and what the sliders changed. */
const shown = { seed: null, latent: DATA.first.latent, label: DATA.first.label, changes: new Map() };
const past = [];
let checked = false;

const SERVE = `
let generate;
onmessage = ({ data }) => {
  if (data.program) generate = makeGenerator(data.program, data.bytes);
  else postMessage(compute(generate, data));
};
`;

/** Return a picture's numbers and how long they took. */
function compute(generate, { latent, label }) {
  const start = performance.now();
  const image = generate(latent, label);
  return { image, milliseconds: performance.now() - start };
}

/** Return the weights' bytes. */
function weightBytes() {
  const text = atob(element("weights").textContent.trim());
  const bytes = new Uint8Array(text.length);
  for (let i = 0; i < text.length; i++) bytes[i] = text.charCodeAt(i);
  element("weights").remove();
  return bytes.buffer;
}

/** Return what computes: (latent, label) => Promise of image and time. One at a time. */
function startGenerator() {
  const bytes = weightBytes();
  try {
    const source = `${element("engine").textContent}\n${compute}\n${SERVE}`;
    const worker = new Worker(URL.createObjectURL(new Blob([source], { type: "text/javascript" })));
    worker.postMessage({ program: DATA.program, bytes });
    return (request) =>
      new Promise((resolve, reject) => {
        worker.onmessage = ({ data }) => resolve(data);
        worker.onerror = reject;
        worker.postMessage(request);
      });
  } catch {
    const generate = makeGenerator(DATA.program, bytes); // no workers here: the page waits
    return async (request) => compute(generate, request);
  }
}

/** Return a function that gives uniform numbers in [0, 1) from a seed (mulberry32). */
function uniforms(seed) {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}

/** Return a latent from N(0, 1) by a seed (Box & Muller 1958). */
function latentOf(seed) {
  const next = uniforms(seed);
  return Array.from({ length: DATA.latentDim }, () => {
    const radius = Math.sqrt(-2 * Math.log(1 - next()));
    return radius * Math.cos(2 * Math.PI * next());
  });
}

/** Return the latent with what the sliders changed. */
function changedLatent() {
  const latent = [...shown.latent];
  for (const [coordinate, value] of shown.changes) latent[coordinate] = value;
  return latent;
}

/** Return a picture as bytes RGBA. */
function toPixels(image) {
  const size = HEIGHT * WIDTH;
  const pixels = new Uint8ClampedArray(4 * size).fill(255);
  for (let at = 0; at < size; at++)
    for (let channel = 0; channel < (CHANNELS === 1 ? 3 : CHANNELS); channel++)
      pixels[4 * at + channel] = Math.round((image[(CHANNELS === 1 ? 0 : channel * size) + at] + 1) * 127.5);
  return pixels;
}

/** Return pixels as the address of a PNG. */
function toPng(pixels) {
  const canvas = document.createElement("canvas");
  canvas.width = WIDTH;
  canvas.height = HEIGHT;
  canvas.getContext("2d").putImageData(new ImageData(pixels, WIDTH, HEIGHT), 0, 0);
  return canvas.toDataURL("image/png");
}

/** Magnify by a whole number of device pixels, so that every pixel is a sharp square. */
function fitPicture() {
  const ratio = window.devicePixelRatio || 1;
  const style = getComputedStyle(document.querySelector(".frame"));
  const room = document.querySelector(".frame").clientWidth - parseFloat(style.paddingLeft) * 2;
  const high = Math.max(160, Math.min(560, window.innerHeight * 0.7));
  const factor = Math.floor(Math.min((room * ratio) / WIDTH, (high * ratio) / HEIGHT));
  const scale = factor >= 1 ? factor / ratio : room / WIDTH;
  element("picture").style.width = `${WIDTH * scale}px`;
  element("picture").style.height = `${HEIGHT * scale}px`;
}

const generate = startGenerator();
let busy = false;
let waiting = null;

/** Draw what is shown now; while the generator is busy, only the latest wish waits. */
async function draw(keep) {
  waiting = { latent: changedLatent(), label: shown.label, keep: keep || waiting?.keep };
  if (busy) return;
  busy = true;
  while (waiting) {
    const request = waiting;
    waiting = null;
    element("state").textContent = "computing …";
    try {
      present(request, await generate({ latent: request.latent, label: request.label }));
    } catch (error) {
      say(`the picture could not be computed: ${error.message || "worker failed"}`, true);
    }
  }
  busy = false;
}

function present(request, { image, milliseconds }) {
  const pixels = toPixels(image);
  const address = toPng(pixels);
  element("picture").src = address;
  fitPicture();
  if (!checked) check(request, pixels);
  if (request.keep) keepPicture(address);
  const time = milliseconds < 1000 ? `${milliseconds.toFixed(0)} ms` : `${(milliseconds / 1000).toFixed(1)} s`;
  say(`${origin()} · computed in ${time}`);
}

function origin() {
  const changes = shown.changes.size;
  const from = shown.seed === null ? "a given latent" : `seed ${shown.seed}`;
  return changes ? `${from}, ${changes} changed` : from;
}

function say(text, wrong = false) {
  element("state").textContent = text;
  element("state").classList.toggle("wrong", wrong);
}

/** Compare the first picture with what PyTorch drew. */
function check(request, pixels) {
  if (String(request.latent) !== String(DATA.first.latent) || request.label !== DATA.first.label) return;
  checked = true;
  const expected = Uint8Array.from(atob(DATA.first.pixels), (char) => char.charCodeAt(0));
  let largest = 0;
  for (let at = 0; at < HEIGHT * WIDTH; at++)
    for (let channel = 0; channel < CHANNELS; channel++) {
      const difference = Math.abs(pixels[4 * at + channel] - expected[CHANNELS * at + channel]);
      if (pixels[4 * at + 3] > 0 || channel === 3) largest = Math.max(largest, difference);
    }
  const equal = largest <= 2;
  element("check").textContent = equal
    ? `Checked in this browser: the first picture is PyTorch's, to within ${largest} of 255.`
    : `This browser computes other pictures than PyTorch: they differ by ${largest} of 255.`;
  element("check").classList.toggle("wrong", !equal);
}

/** Put a picture into the strip; a click brings it back. */
function keepPicture(address) {
  const state = { ...shown, changes: new Map(shown.changes) };
  const button = document.createElement("button");
  button.type = "button";
  button.title = origin();
  button.append(Object.assign(new Image(), { src: address, alt: origin() }));
  button.onclick = () => {
    Object.assign(shown, state, { changes: new Map(state.changes) });
    mark(button);
    showControls();
    followInAddress();
    draw(false);
  };
  element("strip").append(button);
  past.push(button);
  if (past.length > STRIP) past.shift().remove();
  mark(button);
}

function mark(current) {
  for (const button of past) button.setAttribute("aria-current", button === current);
}

function showControls() {
  element("seed").value = shown.seed ?? "";
  element("class").value = shown.label;
  for (const row of element("sliders").children) row.refresh();
  element("reset").disabled = shown.changes.size === 0;
}

function chooseSeed(seed) {
  Object.assign(shown, { seed, latent: latentOf(seed), changes: new Map() });
  showControls();
  followInAddress();
  draw(true);
}

function addSlider(coordinate) {
  const row = document.createElement("label");
  const range = Object.assign(document.createElement("input"), { type: "range", min: -3, max: 3, step: 0.01 });
  const value = document.createElement("output");
  row.className = "slider";
  row.title = `number ${coordinate} of the latent`;
  row.append(`z ${coordinate}`, range, value);
  row.refresh = () => {
    const number = shown.changes.get(coordinate) ?? shown.latent[coordinate];
    range.value = number;
    value.textContent = number.toFixed(2).replace("-", "−");
    row.classList.toggle("changed", shown.changes.has(coordinate));
  };
  range.oninput = () => {
    shown.changes.set(coordinate, Number(range.value));
    showControls();
    draw(false);
  };
  range.onchange = followInAddress;
  element("sliders").append(row);
}

function addClasses() {
  element("class-field").hidden = DATA.classes.length === 0;
  DATA.classes.forEach((name, label) => element("class").append(new Option(name, label)));
  element("class").onchange = () => {
    shown.label = Number(element("class").value);
    followInAddress();
    draw(true);
  };
}

/** Return what the page's address asks for, or say what is wrong with it. */
function readAddress() {
  const asked = new URLSearchParams(location.hash.slice(1));
  const label = Number(asked.get("class") ?? DATA.first.label);
  const latent = asked.get("latent")?.split(",").map(Number);
  if (asked.has("class") && !(label in DATA.classes)) return `there is no class ${asked.get("class")}`;
  if (latent && latent.length !== DATA.latentDim)
    return `expected a latent of ${DATA.latentDim} numbers, got ${latent.length}`;
  if (latent && !latent.every(Number.isFinite)) return "expected a latent of numbers";
  const seed = asked.has("seed") ? Number(asked.get("seed")) : null;
  if (seed !== null && !(Number.isInteger(seed) && seed >= 0 && seed < LARGEST_SEED))
    return "expected a seed that is a whole number of at most 32 bits";
  const start = latent ?? (seed === null ? DATA.first.latent : latentOf(seed));
  Object.assign(shown, { seed: latent ? null : seed, latent: start, label, changes: new Map() });
  return null;
}

async function openAddress() {
  const problem = readAddress();
  showControls();
  await draw(true);
  if (problem) say(problem, true);
}

function addressOf() {
  const plain = shown.seed !== null && shown.changes.size === 0;
  const what = plain ? `seed=${shown.seed}` : `latent=${changedLatent().join(",")}`;
  return `#${what}${DATA.classes.length ? `&class=${shown.label}` : ""}`;
}

/** Let the page's address lead to the picture that is shown. */
function followInAddress() {
  history.replaceState(null, "", addressOf());
}

async function copyLink() {
  followInAddress();
  try {
    await navigator.clipboard.writeText(location.href);
    say("link copied");
  } catch {
    say("the link is in the page's address");
  }
}

function savePng() {
  const link = document.createElement("a");
  link.href = element("picture").src;
  link.download = `${DATA.name}-${shown.seed === null ? "latent" : `seed-${shown.seed}`}.png`;
  link.click();
}

element("about").textContent =
  `${WIDTH}×${HEIGHT} pictures from ${DATA.latentDim} random numbers each · ` +
  `${DATA.weights.toLocaleString("en")} weights (${DATA.program.precision}) after ` +
  `${DATA.step.toLocaleString("en")} steps of training`;
DATA.sliders.forEach(addSlider);
addClasses();
element("new").onclick = () => chooseSeed(Math.floor(Math.random() * LARGEST_SEED));
element("seed").onchange = () => chooseSeed(Math.max(0, Math.floor(Number(element("seed").value))) % LARGEST_SEED);
element("reset").onclick = () => {
  shown.changes.clear();
  showControls();
  followInAddress();
  draw(false);
};
element("save").onclick = savePng;
element("link").onclick = copyLink;
window.addEventListener("resize", fitPicture);
window.addEventListener("hashchange", openAddress);
openAddress();
