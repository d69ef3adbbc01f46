// Sends files to the dashboard's upload route, slice by slice. What is being sent is the module's own: it outlives a
// visit to another page, and the part on the screen is drawn from it. Names are hostile: they are only ever set as text.

const SLICE = 8 * 1024 * 1024;
const AT_ONCE = 3;
const LONGEST_WAIT = 30; // seconds between two tries
const SILENCE = 30; // seconds without a byte after which a connection is taken for lost
const KEPT = "spendglass-upload-ticket";
const UNSEEN = /[\p{Cc}\p{Cf}\p{Zl}\p{Zp}\p{Cs}]/gu;
const UNREADABLE = "This file can no longer be read: it was changed, moved or deleted. Choose it again.";

const rows = [];
let ticket = null; // the one the route honours
let offered = null; // the page's newest
let address = "";
let opening = false;
let host = null; // the part on the screen, if it is there

export default function ({ data, parentElement, setStateValue }) {
  const root = parentElement.querySelector(".uploader");
  if (host?.root !== root) {
    host = { root, drawn: new Map(), told: data.heard };
    furnish(root);
  }
  host.tell = setStateValue;
  address = data.address;
  offered = data.ticket;
  renew();
  const isGone = (one) => data.gone.includes(one.id);
  host.told = host.told.filter((one) => !isGone(one)); // the page knows: it need not hear of them again
  rows.filter((one) => one.state === "done" && isGone(one)).forEach(forget);
  drawAll();
  if (ticket === null) open();
  else report();
  return () => {
    if (host?.root === root) host = null;
  };
}

addEventListener("beforeunload", (event) => {
  if (rows.some(isBusy)) event.preventDefault();
});
addEventListener("online", () => rows.forEach((row) => row.wake?.()));
setInterval(() => {
  for (const row of rows.filter((one) => one.state === "sending" || one.state === "lost")) {
    if (row.xhr && performance.now() - row.moved > 1000 * SILENCE) row.xhr.abort();
    draw(row);
  }
}, 1000);

/* ---- files ---- */

const isBusy = (row) => row.state === "waiting" || row.state === "sending" || row.state === "lost";
const isSame = (row, file) => row.name === file.name && row.size === file.size && row.modified === file.modified;
const begun = (name, size, modified) =>
  ({ name, size, modified, file: null, id: null, ticket: null, offset: 0, sent: 0, state: "waiting", note: "", marks: [] });

function add(files) {
  notice("");
  for (const file of files) {
    const fresh = begun(file.name, file.size, file.lastModified);
    const row = rows.find((one) => isSame(one, fresh)) ?? fresh;
    if (row === fresh) rows.push(row);
    if (row.state === "left" || row.state === "failed") row.state = "waiting";
    row.file = file;
    draw(row);
  }
  pump();
}

function forget(row) {
  row.state = "gone";
  rows.splice(rows.indexOf(row), 1);
  row.xhr?.abort();
  row.wake?.();
  undraw(row);
}

async function remove(row) {
  const { id, ticket: held } = row;
  if (row.state === "done") {
    const answer = await request("DELETE", `/${id}`, { ticket: held }).catch(() => null);
    if (answer?.status !== 204 && answer?.status !== 404 && answer?.status !== 401) {
      row.note = answer?.told?.error?.message ?? "The connection is lost: try again.";
      return draw(row);
    }
    forget(row);
  } else {
    forget(row);
    if (id) discard(id, held);
  }
  pump();
}

async function discard(id, held) {
  for (let attempt = 1; attempt <= 5; attempt++) {
    try {
      return await request("DELETE", `/${id}`, { ticket: held });
    } catch {
      await new Promise((resolve) => setTimeout(resolve, 1000 * 2 ** attempt));
    }
  }
}

/* ---- the ticket, and what the route has from before a reload ---- */

async function open() {
  if (opening) return;
  opening = true;
  try {
    for (const one of new Set([stored(), offered])) {
      if (!one) continue;
      const { status, told } = await request("GET", "", { ticket: one });
      if (status === 200) {
        ticket = one;
        store(one);
        told.forEach((upload) => meet(upload));
        break;
      }
      if (status !== 401) throw new Error(told?.error ? `${told.error.message} ${told.error.advice}` : `Error ${status}`);
    }
    if (ticket === null) setTimeout(() => ticket ?? host?.tell("asked", Date.now()), 1000);
    notice("");
  } catch (problem) {
    if (problem.message) notice(problem.message);
    setTimeout(open, 3000);
  } finally {
    opening = false;
  }
  drawAll();
  pump();
}

// The page gives a session a new ticket before the old one ends.
function renew() {
  const session = (one) => one?.split(".")[0];
  if (session(ticket) !== session(offered)) return;
  rows.filter((row) => session(row.ticket) === session(offered)).forEach((row) => (row.ticket = offered));
  ticket = offered;
  store(ticket);
}

function meet(upload) {
  let row = rows.find((one) => one.id === upload.id) ?? rows.find((one) => one.id === null && isSame(one, upload));
  if (!row) rows.push((row = { ...begun(upload.name, upload.size, upload.modified), state: "left" }));
  Object.assign(row, { id: upload.id, ticket, offset: upload.offset, sent: upload.offset });
  if (row.offset === row.size) row.state = "done";
}

function stored() {
  try {
    return sessionStorage.getItem(KEPT);
  } catch {
    return null;
  }
}

function store(one) {
  try {
    sessionStorage.setItem(KEPT, one);
  } catch {
    // then a reload begins anew
  }
}

/* ---- sending ---- */

function pump() {
  for (const row of rows) {
    if (ticket === null || rows.filter((one) => one.state === "sending" || one.state === "lost").length >= AT_ONCE) break;
    if (row.state === "waiting" && row.file) send(row);
  }
  report();
}

async function send(row) {
  row.state = "sending";
  row.note = "";
  let failures = 0;
  while (row.state === "sending") {
    draw(row);
    let answer = null;
    try {
      answer = await next(row, failures > 0);
    } catch {
      if (!(await isReadable(row))) fail(row, UNREADABLE);
    }
    if (row.state === "gone") {
      if (answer?.told?.id) discard(answer.told.id, row.ticket);
      return;
    }
    if (row.state === "failed") break;
    if (answer && take(row, answer)) failures = 0;
    else if (row.state === "sending") await pause(row, ++failures);
  }
  draw(row);
  if (row.state === "done") say(`${shown(row.name)}: uploaded`);
  pump();
}

// One step: announce the file, ask how far it is, or send the next slice.
function next(row, unsure) {
  if (row.id === null) {
    row.ticket = ticket;
    const told = JSON.stringify({ name: row.name, size: row.size, modified: row.modified });
    return request("POST", "", { ticket, body: told });
  }
  if (unsure) return request("GET", `/${row.id}`, { ticket: row.ticket });
  const slice = row.file.slice(row.offset, row.offset + SLICE);
  return request("PUT", `/${row.id}`, { ticket: row.ticket, offset: row.offset, body: slice, row });
}

// Whether the answer was of use; if not, the same is tried again after a pause, unless the row failed.
function take(row, { status, told }) {
  if (status === 200 || status === 201 || status === 409) {
    if (typeof told?.offset !== "number") {
      fail(row, "This was not answered by the dashboard. Is there a proxy in between that wants you to log in?");
      return true;
    }
    const before = row.offset;
    row.id = told.id ?? row.id;
    row.offset = row.sent = told.offset;
    if (row.offset === row.size) row.state = "done";
    mark(row);
    return status !== 409 || row.offset !== before;
  }
  if (status === 401) {
    if (row.ticket === ticket) ticket = null;
    Object.assign(row, { id: null, offset: 0, sent: 0, state: "waiting", marks: [] });
    if (ticket === null) open();
    return true;
  }
  if (status === 404 && row.offset > 0) {
    Object.assign(row, { id: null, offset: 0, sent: 0, marks: [] });
    return true;
  }
  if (status === 408 || status === 423 || status === 429 || (status >= 500 && !told?.error)) return false;
  fail(row, told?.error ? `${told.error.message} ${told.error.advice}` : `The dashboard answered with error ${status}.`);
  return true;
}

function fail(row, why) {
  row.state = "failed";
  row.note = why;
  say(`${shown(row.name)}: ${why}`);
}

async function pause(row, failures) {
  const seconds = Math.min(LONGEST_WAIT, 2 ** (failures - 1)) * (0.8 + 0.4 * Math.random());
  Object.assign(row, { state: "lost", until: Date.now() + 1000 * seconds, sent: row.offset, marks: [] });
  draw(row);
  await new Promise((resolve) => {
    row.wake = resolve;
    setTimeout(resolve, 1000 * seconds);
  });
  row.wake = null;
  if (row.state === "lost") row.state = "sending";
}

async function isReadable(row) {
  try {
    await row.file.slice(row.offset, row.offset + 1).arrayBuffer();
    return true;
  } catch {
    return false;
  }
}

function request(method, path, { ticket: held, offset, body, row }) {
  return new Promise((resolve, reject) => {
    const xhr = new XMLHttpRequest();
    xhr.open(method, address + path);
    xhr.setRequestHeader("Upload-Ticket", held);
    if (offset !== undefined) xhr.setRequestHeader("Upload-Offset", String(offset));
    if (row) {
      Object.assign(row, { xhr, moved: performance.now() });
      xhr.upload.onprogress = (event) => {
        Object.assign(row, { sent: offset + event.loaded, moved: performance.now() });
        mark(row);
        draw(row);
      };
      xhr.onloadend = () => (row.xhr = null);
    } else {
      xhr.timeout = 1000 * SILENCE;
    }
    xhr.onload = () => {
      let told = null;
      try {
        told = JSON.parse(xhr.responseText);
      } catch {
        // nothing was told, or not by the dashboard
      }
      resolve({ status: xhr.status, told });
    };
    xhr.onerror = xhr.onabort = xhr.ontimeout = () => reject(new Error(""));
    xhr.send(body);
  });
}

/* ---- telling the page ---- */

// The page hears of files once nothing is on its way; of those it has heard of, at once when one is taken out.
function report() {
  if (!host) return;
  const done = rows.filter((row) => row.state === "done");
  const ready = rows.some(isBusy) ? done.filter((row) => row.heard) : done;
  const told = ready.map((row) => ({ ticket: row.ticket, id: row.id }));
  if (JSON.stringify(told) === JSON.stringify(host.told)) return;
  host.told = told;
  ready.forEach((row) => (row.heard = true));
  host.tell("sent", told);
}
