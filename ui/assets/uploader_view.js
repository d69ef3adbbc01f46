// The uploader on the screen: the drop zone, a row a file, and the words in it. Continues uploader.js.

function furnish(root) {
  const zone = root.querySelector(".zone");
  const input = root.querySelector("input");
  const button = root.querySelector(".choose");
  button.onclick = () => input.click();
  button.disabled = false;
  input.onchange = () => {
    add([...input.files]);
    input.value = "";
  };
  zone.ondragenter = zone.ondragover = (event) => {
    event.preventDefault();
    zone.classList.add("over");
  };
  zone.ondragleave = (event) => zone.contains(event.relatedTarget) || zone.classList.remove("over");
  zone.ondrop = (event) => {
    event.preventDefault();
    zone.classList.remove("over");
    const items = [...event.dataTransfer.items].filter((item) => item.kind === "file");
    const folder = items.map((item) => item.webkitGetAsEntry?.()?.isDirectory ?? false);
    add([...event.dataTransfer.files].filter((_, place) => !folder[place]));
    if (folder.includes(true)) notice("A folder cannot be dropped here: load it from a shell, see above.");
  };
}

function drawAll() {
  rows.forEach(draw);
}

function draw(row) {
  if (!host || row.state === "gone") return;
  const part = host.drawn.get(row) ?? drawn(row);
  const percent = row.size ? Math.floor((100 * row.sent) / row.size) : 0;
  part.line.dataset.state = row.state;
  part.bar.setAttribute("aria-valuenow", String(percent));
  part.fill.style.width = `${row.size ? (100 * row.sent) / row.size : 0}%`;
  part.said.textContent = words(row, percent);
  part.again.hidden = !["lost", "left", "failed"].includes(row.state);
  const again = { lost: "Try now", failed: "Retry" }[row.state] ?? "Choose file";
  label(part.again, again, row);
  label(part.remove, { done: "Remove", left: "Discard", failed: "Discard" }[row.state] ?? "Cancel", row);
  summary();
}

function drawn(row) {
  const make = (tag, name, parent) => {
    const made = parent.appendChild(document.createElement(tag));
    made.className = name;
    return made;
  };
  const line = make("li", "file", host.root.querySelector(".files"));
  const name = make("span", "name", line);
  name.textContent = name.title = shown(row.name);
  make("span", "size", line).textContent = bytes(row.size);
  const acts = make("span", "acts", line);
  const bar = make("div", "bar", line);
  Object.entries({ role: "progressbar", "aria-valuemin": "0", "aria-valuemax": "100", "aria-label": shown(row.name) })
    .forEach(([key, value]) => bar.setAttribute(key, value));
  const part = { line, bar, fill: make("div", "fill", bar), said: make("span", "said", line) };
  part.again = make("button", "again", acts);
  part.remove = make("button", "remove", acts);
  part.again.onclick = () => again(row);
  part.remove.onclick = () => {
    part.remove.blur();
    host.root.querySelector(".choose").focus({ preventScroll: true });
    remove(row);
  };
  host.drawn.set(row, part);
  return part;
}

function undraw(row) {
  host?.drawn.get(row)?.line.remove();
  host?.drawn.delete(row);
  summary();
}

function again(row) {
  if (row.state === "lost") return row.wake?.();
  if (row.state === "left" || row.note === UNREADABLE) return host.root.querySelector("input").click();
  row.state = "waiting";
  pump();
}

function summary() {
  if (!host) return;
  const whole = host.root.querySelector(".whole");
  const done = rows.filter((row) => row.state === "done").length;
  const sum = (key) => rows.reduce((total, row) => total + row[key], 0);
  whole.textContent = `${done} of ${rows.length} files uploaded, ${bytes(sum("sent"))} of ${bytes(sum("size"))}`;
  whole.hidden = rows.length < 2 || !rows.some(isBusy);
  host.root.querySelector(".files").hidden = rows.length === 0;
}

function words(row, percent) {
  if (row.state === "waiting") return ticket === null ? "Connecting" : "Waiting for its turn";
  if (row.state === "left" && row.offset === 0) return "Nothing of it is here yet. Choose the same file again.";
  if (row.state === "left") return `${percent} % is here. Choose the same file again to go on from there.`;
  if (row.state === "failed") return row.note;
  if (row.state === "done") return row.note ? `Uploaded. ${row.note}` : "Uploaded";
  if (row.state === "lost") {
    const seconds = Math.max(0, Math.ceil((row.until - Date.now()) / 1000));
    return `${percent} %. The connection is lost. Trying again in ${seconds} s.`;
  }
  const speed = speedOf(row);
  return speed ? `${percent} % · ${bytes(speed)}/s · ${left((row.size - row.sent) / speed)}` : `${percent} %`;
}

function mark(row) {
  const now = performance.now();
  row.marks = [...row.marks.filter(([time]) => now - time < 5000), [now, row.sent]];
}

function speedOf({ marks }) {
  if (marks.length < 2) return 0;
  const [before, had] = marks[0];
  const took = performance.now() - before;
  return took > 500 ? (1000 * (marks[marks.length - 1][1] - had)) / took : 0;
}

function left(seconds) {
  if (seconds < 60) return `${Math.max(1, Math.round(seconds))} s left`;
  return seconds < 5400 ? `${Math.round(seconds / 60)} min left` : `${(seconds / 3600).toFixed(1)} h left`;
}

function bytes(size) {
  for (const [unit, word] of [[1e9, "GB"], [1e6, "MB"], [1e3, "kB"]]) {
    if (size >= unit) return `${(size / unit).toFixed(size / unit < 100 ? 1 : 0)} ${word}`;
  }
  return `${Math.round(size)} B`;
}

function shown(name) {
  const line = name.replace(UNSEEN, " ");
  if (!line.trim()) return "(empty)";
  return line.length <= 80 ? line : `${line.slice(0, 52)}…${line.slice(-27)}`;
}

function label(button, text, row) {
  if (button.textContent === text) return;
  button.type = "button";
  button.textContent = text;
  button.setAttribute("aria-label", `${text}: ${shown(row.name)}`);
}

function notice(text) {
  const place = host?.root.querySelector(".notice");
  if (!place) return;
  place.textContent = text;
  place.hidden = !text;
}

function say(text) {
  if (host) host.root.querySelector(".spoken").textContent = text;
}
