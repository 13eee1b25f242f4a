"use strict";

// The last part of the page's address is a key that its server takes as a bearer token while it runs.
const parts = location.pathname.split("/");
const key = parts[parts.length - 2];
const intake = parts.slice(0, -3).join("/") + "/intake/";
const at = (id) => document.getElementById(id);

const STATES = {
  received: "We have it.",
  queued: "It is on its way to the help desk.",
  sent: "It is at the help desk.",
  held: "We have it, and somebody is looking at it.",
  counted: "We have it. It needs no ticket.",
  dropped: "It was closed without a ticket.",
};
const LAST = ["sent", "counted", "dropped"];

function say(text, bad) {
  at("answer").hidden = false;
  at("state").textContent = text;
  at("state").className = bad ? "bad" : "";
}

function base64(file) {
  return new Promise((resolve, reject) => {
    const reader = new FileReader();
    reader.onload = () => resolve(reader.result.slice(reader.result.indexOf(",") + 1));
    reader.onerror = () => reject(reader.error);
    reader.readAsDataURL(file);
  });
}

function requestId() {
  const bytes = crypto.getRandomValues(new Uint8Array(16));
  return "try-" + Array.from(bytes, (byte) => byte.toString(16).padStart(2, "0")).join("");
}

async function payload() {
  const file = at("screenshot").files[0];
  const attachments = file
    ? [{ filename: file.name, content_type: file.type, kind: "screenshot", content_base64: await base64(file) }]
    : [];
  return {
    schema_version: "1",
    request_id: requestId(),
    submitted_at: new Date().toISOString(),
    source: { system: "Help button on trial", environment: "TST" },
    summary: at("summary").value,
    description: at("description").value,
    error_text: at("error").value,
    patient_care_affected: at("care").checked,
    requester: { kind: "staff", login: at("login").value },
    device: { workstation: at("workstation").value },
    attachments,
  };
}

// What was not answered is posted again with the same bytes, and stored once.
let unanswered = null;

async function send(event) {
  event.preventDefault();
  at("send").disabled = true;
  try {
    unanswered = unanswered || { source: at("source").value, body: JSON.stringify(await payload()) };
    const response = await fetch(intake + encodeURIComponent(unanswered.source), {
      method: "POST",
      headers: { "Authorization": "Bearer " + key, "Content-Type": "application/json" },
      body: unanswered.body,
    });
    const said = await response.json();
    if (response.status !== 503) unanswered = null;
    if (!response.ok) return say(said.error.what + (said.error.remedy ? " (" + said.error.remedy + ")" : ""), true);
    at("receipt").textContent = said.receipt;
    await follow(said.receipt);
  } catch (error) {
    say("Nobody answered. Press again: it is stored once.", true);
  } finally {
    at("send").disabled = false;
  }
}

async function follow(receipt) {
  const response = await fetch(intake + "receipts/" + receipt);
  const said = await response.json();
  say(STATES[said.state] || said.state, false);
  const numbers = said.tickets.map((ticket) => ticket.number).filter(Boolean);
  at("number").textContent = numbers.length ? "Its number is " + numbers.join(", ") + "." : "";
  if (!LAST.includes(said.state)) setTimeout(() => follow(receipt).catch(() => {}), 2000);
}

function changed() {
  unanswered = null;
}

function preview() {
  const file = at("screenshot").files[0];
  at("preview").hidden = !file;
  if (file) at("preview").src = URL.createObjectURL(file);
}

async function start() {
  for (const name of await (await fetch("sources.json")).json()) at("source").add(new Option(name, name));
  at("form").addEventListener("submit", send);
  at("form").addEventListener("input", changed);
  at("screenshot").addEventListener("change", preview);
}

start();
