// Brings the parts of the page together: what people do goes to the session, what the session
// tells goes to the views.

import { EventLog } from "./view/event_log.js";
import { showLatency } from "./view/latency.js";
import { runMeters } from "./view/meters.js";
import { Settings } from "./view/settings.js";
import { Transcript } from "./view/transcript.js";
import { Turns } from "./view/turns.js";
import { Session } from "./wire/session.js";

const part = (id) => document.getElementById(id);

const STATES = { closed: "Not connected", opening: "Connecting…", open: "Connected" };

const session = new Session();
const latencyRows = document.querySelector("#latency tbody");
const settings = new Settings(part("settings"));
const transcript = new Transcript(part("transcript"), (call, output) =>
  attempt(async () => session.answerCall(call, output)),
);
const events = new EventLog(part("events"), (message) => (part("report").textContent = message));
let turns = new Turns();
let busy = false; // with something that people asked for

// What people do.

part("connect").addEventListener("click", () => {
  if (session.state === "closed") attempt(connect);
  else session.close();
});

part("talk").addEventListener("click", () =>
  attempt(async () => {
    if (session.talking) session.stopTalking();
    else {
      await connect();
      await session.startTalking();
    }
  }),
);

part("interrupt").addEventListener("click", () => session.interrupt());

part("composer").addEventListener("submit", (event) => {
  event.preventDefault();
  const { message } = event.target.elements;
  const text = message.value.trim();
  if (text === "") return;
  attempt(async () => {
    await connect();
    session.write(text);
    message.value = "";
  });
});

part("settings").addEventListener("submit", (event) => {
  event.preventDefault();
  attempt(async () => session.configure(settings.session));
});

part("dismiss").addEventListener("click", () => showFailure(""));

// What the session tells.

session.addEventListener("change", () => {
  const { state, talking, detectsTurns } = session;
  document.body.dataset.state = state;
  part("state").textContent = STATES[state];
  part("connect").textContent = state === "closed" ? "Connect" : "Disconnect";
  part("talk").dataset.on = String(talking);
  part("talk").textContent = !talking ? "Talk" : detectsTurns ? "Mute" : "Done";
  part("interrupt").disabled = part("apply").disabled = state !== "open";
});

session.addEventListener("wire", ({ detail: { direction, event, time } }) => {
  events.add(direction, event);
  if (direction === "received") transcript.take(event);
  if (turns.take(direction, event, time)) showLatency(latencyRows, turns.latest);
});

session.addEventListener("began", ({ detail: { item, time } }) => {
  turns.began(item, time);
  showLatency(latencyRows, turns.latest);
});

session.addEventListener("failure", ({ detail }) => showFailure(detail));

runMeters(part("input-level"), part("output-level"), () => session.levels());

async function connect() {
  if (session.state !== "closed") return;
  const { transport, token, session: config } = settings;
  transcript.clear();
  turns = new Turns();
  showLatency(latencyRows, []);
  await session.open({ transport, token, session: config });
}

/**
 * Does what was asked for, one thing at a time, and shows why where it can't be done. Buttons are
 * not disabled meanwhile: who uses the keyboard would lose the place.
 */
async function attempt(action) {
  if (busy) return;
  busy = true;
  showFailure("");
  try {
    await action();
  } catch (error) {
    showFailure(error.message);
  } finally {
    busy = false;
  }
}

function showFailure(message) {
  part("failure").hidden = message === "";
  part("failure-text").textContent = message;
}
