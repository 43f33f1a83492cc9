// SPDX-License-Identifier: MPL-2.0
// Where video and audio come from: cameras, microphones, the screen, or a test pattern.
"use strict";

/** A reason that is told to the person in front of the page. */
class SourceError extends Error {}

const HEIGHTS = { 360: 640, 720: 1280, 1080: 1920 };

/** The choices for cameras or microphones, by name once the browser tells them. */
async function devicesOf(kind) {
  const input = kind === "video" ? "videoinput" : "audioinput";
  return (await navigator.mediaDevices?.enumerateDevices() ?? [])
    .filter((device) => device.kind === input && device.deviceId)
    .map(({ deviceId, label }) => [`device:${deviceId}`, label || "Device"]);
}

/** Opens what was chosen; nothing for none. */
async function openSource(kind, choice, height) {
  if (!choice) return null;
  if (choice === "test") return testPattern(height);
  if (choice === "tone") return tone();
  if (!navigator.mediaDevices) throw new SourceError(insecure());
  const size = { width: { ideal: HEIGHTS[height] }, height: { ideal: height } };
  try {
    if (choice === "screen") {
      return (await navigator.mediaDevices.getDisplayMedia({ video: size })).getVideoTracks()[0];
    }
    const id = choice.slice("device:".length);
    const device = id ? { deviceId: { exact: id } } : {};
    const constraints = kind === "video" ? { video: { ...device, ...size } } : { audio: id ? device : true };
    return (await navigator.mediaDevices.getUserMedia(constraints)).getTracks()[0];
  } catch (error) {
    throw new SourceError(explain(kind, choice, error));
  }
}

function insecure() {
  return `Browsers give camera, microphone and encryption only to pages of this very machine, at ` +
    `http://127.0.0.1, and to pages over https. This one is at ${location.origin}. Start the server with ` +
    `--self-signed --name ${location.hostname} and open https://${location.host}${location.pathname}`;
}

function explain(kind, choice, error) {
  const what = choice === "screen" ? "screen" : kind === "video" ? "camera" : "microphone";
  switch (error.name) {
    case "NotAllowedError":
      return choice === "screen"
        ? "No screen was chosen, or the browser may not show any to this page."
        : `The browser was told not to give this page the ${what}. Allow it beside the page’s address, then start again.`;
    case "NotFoundError":
    case "OverconstrainedError":
      return `The browser finds no ${what}. Plug one in, or choose something else, such as the test ${kind === "video" ? "pattern" : "tone"}.`;
    case "NotReadableError":
    case "AbortError":
      return `The ${what} cannot be opened. Another program may be using it.`;
    default:
      return `The ${what} cannot be opened: ${error.message}`;
  }
}

/** A clock, and something that moves. */
function testPattern(height) {
  const canvas = Object.assign(document.createElement("canvas"), { width: HEIGHTS[height], height });
  const { width } = canvas;
  const pen = canvas.getContext("2d", { alpha: false });
  pen.textAlign = "center";
  pen.textBaseline = "middle";
  const draw = () => {
    const now = new Date();
    const turn = (now % 4000) / 4000;
    pen.fillStyle = "#10403a";
    pen.fillRect(0, 0, width, height);
    pen.fillStyle = "#5cc9b8";
    pen.fillRect(turn * width, height * .8, width / 16, height / 16);
    pen.fillStyle = "#fff";
    pen.font = `${height / 6}px sans-serif`;
    pen.fillText(now.toLocaleTimeString(), width / 2, height / 2);
  };
  draw();
  const [track] = canvas.captureStream(20).getVideoTracks();
  const timer = setInterval(() => (track.readyState === "ended" ? clearInterval(timer) : draw()), 50);
  return track;
}

/** A quiet tone. */
function tone() {
  const context = new AudioContext();
  const [source, volume, out] = [context.createOscillator(), context.createGain(), context.createMediaStreamDestination()];
  volume.gain.value = .1;
  source.connect(volume).connect(out);
  source.start();
  const [track] = out.stream.getAudioTracks();
  const stop = track.stop.bind(track);
  track.stop = () => { stop(); context.close(); };
  return track;
}
