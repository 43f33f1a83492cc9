// SPDX-License-Identifier: MPL-2.0
// The publisher page: its form, its preview, and what becomes of each viewer.
"use strict";

const byId = (id) => document.getElementById(id);
const KINDS = ["video", "audio"];
/** The salt of pages at localhost and at addresses (protocol 2.4). */
const SALT = "vdo.ninja";

let about = { dialect: "hosted", cafile: null };
let publisher = null;
/** What was sent to each viewer when it was last counted. */
const rows = new Map();

function element(name, properties = {}, ...children) {
  const made = Object.assign(document.createElement(name), properties);
  made.append(...children);
  return made;
}

// --- What the page says --------------------------------------------------------------------

function problem(text) {
  byId("problem").textContent = text;
  byId("problem").hidden = !text;
}

function state(text, className = "") {
  byId("state").textContent = text;
  byId("state").className = className;
}

/** The line that records this room. */
function showLine() {
  const tls = location.protocol === "https:";
  const words = ["gst-launch-1.0 -e vdoroomsrc", `server=${tls ? "wss" : "ws"}://${location.host}`];
  if (tls && about.cafile) words.push(`cafile=${about.cafile}`);
  words.push(`room=${RoomSecrets.cleaned(byId("room").value) || "ROOM"}`);
  if (byId("clear").checked) words.push("password=false");
  else if (byId("password").value.trim()) words.push("password-env=VDOROOM_PASSWORD");
  byId("line").textContent = `${words.join(" ")} : roomfilesink location=rec`;
  byId("password-hint").hidden = byId("clear").checked || !byId("password").value.trim();
  byId("password").disabled = byId("clear").checked;
}

function showMedia() {
  const live = publisher !== null;
  const video = publisher?.track("video");
  byId("preview").srcObject = live ? publisher.media : null;
  byId("preview").hidden = !video;
  byId("no-video").textContent = live ? "no video is sent" : "no video yet";
  byId("columns").classList.toggle("sending", live);
  byId("start").hidden = live;
  byId("stop").hidden = !live;
  for (const id of ["settings", "size", "codec"]) byId(id).disabled = live;
  for (const kind of KINDS) {
    const muted = Boolean(publisher?.muted[kind]);
    byId(`mute-${kind}`).hidden = !publisher?.track(kind);
    byId(`mute-${kind}`).setAttribute("aria-pressed", muted);
    byId(`mute-${kind}`).textContent = `${muted ? "Unmute" : "Mute"} ${kind}`;
  }
}

// --- Sources -------------------------------------------------------------------------------

/** Names the devices in the lists; what is chosen stays chosen. */
async function listDevices() {
  for (const kind of KINDS) {
    const devices = await devicesOf(kind);
    if (!devices.length) continue;
    const [list, chosen] = [byId(kind), byId(kind).value];
    for (const option of [...list.options]) if (option.value.startsWith("device:")) option.remove();
    list.prepend(...devices.map(([value, textContent]) => element("option", { value, textContent })));
    list.value = chosen;
    if (list.selectedIndex < 0) list.selectedIndex = 0;
  }
}

async function openChosen(kind) {
  const track = await openSource(kind, byId(kind).value, Number(byId("size").value));
  if (track) track.onended = () => ended(kind, track);
  return track;
}

/** The camera was unplugged, or the screen is shared no longer. */
async function ended(kind, track) {
  if (publisher?.track(kind) !== track) return;
  byId(kind).value = "";
  await change(kind);
}

/** Sends something else from now on. */
async function change(kind) {
  if (!publisher) return;
  try {
    problem("");
    const track = await openChosen(kind);
    if (track) track.enabled = !publisher.muted[kind];
    await publisher.replace(kind, track);
    if (kind === "video") publisher.shareScreen(byId("video").value === "screen");
  } catch (error) {
    problem(error.message);
  }
  showMedia();
}

// --- Start and stop ------------------------------------------------------------------------

async function start() {
  problem("");
  byId("start").disabled = true;
  const tracks = [];
  try {
    if (!window.isSecureContext) throw new SourceError(insecure());
    if (!KINDS.some((kind) => byId(kind).value)) throw new SourceError("Choose video, audio or both.");
    for (const kind of KINDS) tracks.push(await openChosen(kind));
    await publish(new MediaStream(tracks.filter(Boolean)));
    await listDevices();
  } catch (error) {
    tracks.forEach((track) => track?.stop());
    publisher = null;
    state("Not started.");
    problem(error.message);
  }
  byId("start").disabled = false;
  showMedia();
}

async function publish(media) {
  const [room, stream] = [byId("room").value, RoomSecrets.cleaned(byId("stream").value).slice(0, 64)];
  const secrets = await RoomSecrets.of(byId("clear").checked ? null : byId("password").value, SALT);
  const started = new RoomPublisher({
    server: `${location.protocol === "https:" ? "wss" : "ws"}://${location.host}`,
    relay: about.dialect === "relay",
    room, stream, secrets, media,
    label: byId("label").value.trim(),
    codec: byId("codec").value,
  }, (...event) => { if (publisher === started) happened(...event); });
  publisher = started;
  publisher.shareScreen(byId("video").value === "screen");
  state("Connecting to the room server …");
  await publisher.join();
  remember(publisher.room, room);
}

function stop() {
  publisher?.leave();
  publisher?.media.getTracks().forEach((track) => track.stop());
  publisher = null;
  rows.clear();
  showViewers();
  state("Stopped.");
  problem("");
  showMedia();
}

/** Lets this browser's status page show the name of a room that is known by its hash. */
function remember(wire, name) {
  try {
    localStorage.setItem(`room:${wire.slice(0, 6)}`, RoomSecrets.cleaned(name));
    localStorage.setItem("room", name);
  } catch {
    // A browser that keeps nothing shows the hash.
  }
}

function happened(event, { viewer, state: connection, message } = {}) {
  switch (event) {
    case "joined":
      problem("");
      state(`Live in the room ${byId("room").value} as ${publisher.options.stream}.`, "live");
      break;
    case "left":
      if (publisher) state("The room server is not connected. Trying again; who watches already goes on.", "lost");
      break;
    case "alert":
      problem(`The server says: ${message} Trying again.`);
      break;
    case "state":
      rows.set(viewer, { ...rows.get(viewer), connection });
      break;
    case "closed":
      rows.delete(viewer);
      break;
    case "complaint":
      console.warn(message);
      break;
  }
  showViewers();
}

// --- Viewers -------------------------------------------------------------------------------

function showViewers() {
  const list = [...rows].map(([viewer, { connection, video, audio, rate }]) => {
    const name = publisher?.peers.get(viewer)?.label ?? `viewer ${viewer.slice(0, 6)}`;
    const className = { connected: "live", failed: "lost", disconnected: "lost" }[connection] ?? "";
    const cells = [{ textContent: name }, { textContent: connection, className }, { textContent: video ?? "–" },
      { textContent: audio ?? "–" }, { textContent: rate === undefined ? "–" : `${rate} kbit/s` }];
    return element("tr", {}, ...cells.map((cell) => element("td", cell)));
  });
  const nobody = element("tr", {}, element("td", { colSpan: 5, textContent: "Nobody yet." }));
  byId("viewers").replaceChildren(...(list.length ? list : [nobody]));
}

async function count() {
  for (const [viewer, row] of rows) {
    const peer = publisher?.peers.get(viewer);
    if (!peer) continue;
    const stats = [...(await peer.connection.getStats()).values()];
    const sent = stats.filter(({ type }) => type === "outbound-rtp");
    const bytes = sent.reduce((sum, { bytesSent }) => sum + bytesSent, 0);
    const now = performance.now();
    if (row.counted) row.rate = Math.round((bytes - row.bytes) * 8 / (now - row.counted));
    Object.assign(row, { bytes, counted: now });
    for (const kind of KINDS) row[kind] = format(sent.find((entry) => entry.kind === kind), stats);
  }
  if (rows.size) showViewers();
}

function format(sent, stats) {
  const codec = stats.find(({ id }) => id === sent?.codecId)?.mimeType?.split("/")[1];
  if (!codec) return undefined;
  const rate = sent.framesPerSecond === undefined ? "" : `, ${Math.round(sent.framesPerSecond)} fps`;
  const name = { H264: "H.264", OPUS: "Opus" }[codec.toUpperCase()] ?? codec;
  return sent.frameWidth ? `${name}, ${sent.frameWidth} × ${sent.frameHeight}${rate}` : name;
}

// --- The form ------------------------------------------------------------------------------

function prefill() {
  const query = new URLSearchParams(location.search);
  const stored = () => { try { return localStorage.getItem("room"); } catch { return null; } };
  byId("room").value = query.get("room") ?? stored() ?? "studio";
  byId("label").value = query.get("label") ?? "";
  byId("stream").value = query.get("push") ?? randomName(7);
  const named = query.has("push");
  byId("label").oninput = () => {
    if (!named && !byId("stream").dataset.own) {
      byId("stream").value = RoomSecrets.cleaned(byId("label").value).slice(0, 30) || randomName(7);
    }
  };
  byId("stream").oninput = () => { byId("stream").dataset.own = "yes"; };
  const known = new Set(codecsOf("video").map(({ mimeType }) => mimeType.split("/")[1].toUpperCase()));
  for (const option of byId("codec").options) {
    if (option.value && !known.has(option.value)) {
      option.disabled = true;
      option.textContent += " (not in this browser)";
    }
  }
  const codec = (query.get("codec") ?? "").toUpperCase();
  if (known.has(codec) && [...byId("codec").options].some(({ value }) => value === codec)) byId("codec").value = codec;
}

byId("form").addEventListener("submit", (event) => { event.preventDefault(); start(); });
byId("form").addEventListener("input", showLine);
byId("stop").addEventListener("click", stop);
for (const kind of KINDS) {
  byId(kind).addEventListener("change", () => change(kind));
  byId(`mute-${kind}`).addEventListener("click", () => {
    publisher.mute(kind, !publisher.muted[kind]);
    showMedia();
  });
}
byId("copy").addEventListener("click", async () => {
  await navigator.clipboard.writeText(byId("line").textContent);
  byId("copy").textContent = "Copied";
  setTimeout(() => { byId("copy").textContent = "Copy"; }, 2000);
});
addEventListener("pagehide", () => publisher?.leave());

if (!window.isSecureContext) problem(insecure());
prefill();
listDevices();
showLine();
setInterval(count, 1000);
fetch("server.json").then((answer) => answer.json()).then((server) => {
  about = server;
  byId("to-status").hidden = !server.status;
  showLine();
}).catch(() => problem("The server does not answer. Load this page again."));
