// SPDX-License-Identifier: MPL-2.0
// Shows what the server says of its rooms, once a second.
"use strict";

const byId = (id) => document.getElementById(id);
const SECOND = 1000;
const EVENTS = 12;

function element(name, properties = {}, ...children) {
  const made = Object.assign(document.createElement(name), properties);
  made.append(...children);
  return made;
}

function duration(seconds) {
  const [hours, minutes] = [Math.floor(seconds / 3600), Math.floor(seconds / 60) % 60];
  if (hours) return `${hours} h ${minutes} min`;
  return minutes ? `${minutes} min ${seconds % 60} s` : `${seconds} s`;
}

/** What this browser called a room when it published there. */
function remembered(hash) {
  try {
    return localStorage.getItem(`room:${hash}`);
  } catch {
    return null;
  }
}

function nameOf(room) {
  if (room.name === null) return "In no room";
  return room.hashed ? remembered(room.name) ?? `${room.name}…` : room.name;
}

function table(room) {
  const publishersFirst = [...room.people].sort((a, b) => (a.stream === null) - (b.stream === null));
  const rows = publishersFirst.map(({ stream, seconds }) => element("tr", {},
    element("td", { textContent: stream ?? "–" }),
    element("td", { textContent: stream === null ? "watches or records" : "publishes" }),
    element("td", { textContent: duration(seconds) })));
  const named = room.hashed && !remembered(room.name) ? " name hidden by a password" : "";
  const heads = ["Stream", "What", "Here for"].map((textContent) => element("th", { scope: "col", textContent }));
  return element("section", { className: "card scroll" }, element("table", {},
    element("caption", {}, nameOf(room), element("small", { textContent: named })),
    element("thead", {}, element("tr", {}, ...heads)),
    element("tbody", {}, ...rows)));
}

let tablesFor = null;

/** Leaves the tables as they are while nobody comes or goes: text stays selected, readers go on reading. */
function showTables(rooms) {
  const tables = rooms.map(table);
  const whom = JSON.stringify(rooms.map(({ name, people }) => [name, people.map(({ stream }) => stream)]));
  if (whom !== tablesFor) {
    tablesFor = whom;
    return byId("tables").replaceChildren(...tables);
  }
  const times = tables.flatMap((made) => [...made.querySelectorAll("td:last-child")]);
  document.querySelectorAll("#tables td:last-child").forEach((cell, n) => { cell.textContent = times[n].textContent; });
}

// --- What changes --------------------------------------------------------------------------

let streamsBefore = null;

function tellChanges(rooms) {
  const streams = new Map(rooms.flatMap((room) => room.people.filter(({ stream }) => stream !== null)
    .map(({ stream }) => [`${room.name}/${stream}`, `${stream} (${nameOf(room)})`])));
  if (streamsBefore) {
    for (const [key, name] of streams) if (!streamsBefore.has(key)) tell(`${name} began to publish`);
    for (const [key, name] of streamsBefore) if (!streams.has(key)) tell(`${name} left`);
  }
  streamsBefore = streams;
}

function tell(text) {
  const time = element("time", { textContent: new Date().toLocaleTimeString() });
  byId("events").prepend(element("li", {}, time, element("span", { textContent: text })));
  while (byId("events").children.length > EVENTS) byId("events").lastChild.remove();
  byId("recent").hidden = false;
}

function show({ uptime, rooms }) {
  const people = rooms.flatMap((room) => room.people);
  byId("rooms").textContent = rooms.filter(({ name }) => name !== null).length;
  byId("people").textContent = people.length;
  byId("streams").textContent = people.filter(({ stream }) => stream !== null).length;
  byId("uptime").textContent = duration(uptime);
  byId("nobody").hidden = people.length > 0;
  byId("hashed").hidden = !rooms.some((room) => room.hashed && !remembered(room.name));
  showTables(rooms);
  tellChanges(rooms);
}

// --- The server ----------------------------------------------------------------------------

async function ask(path) {
  const answer = await fetch(path);
  if (!answer.ok) throw new Error(`${answer.status}`);
  return answer.json();
}

/** Says it only when it is news, since screen readers read it aloud. */
function state(text, lost) {
  if (byId("state").textContent !== text) byId("state").textContent = text;
  byId("state").className = lost ? "lost" : "quiet";
}

async function refresh() {
  try {
    if (!document.hidden || !streamsBefore) {
      show(await ask("status.json"));
      state("This page follows by itself what happens.", false);
    }
  } catch {
    state("The server does not answer. Trying again …", true);
  }
  setTimeout(refresh, SECOND);
}

ask("server.json").then(({ publisher }) => {
  byId("to-publisher").hidden = byId("invitation").hidden = !publisher;
}).catch(() => {});
refresh();
