/* The page of one callback, for who has its signed link: how far it is; cancel, rate, see what is kept, erase. */
(() => {
  "use strict";
  const query = new URLSearchParams(location.search);
  const at = (part, more = "") => `${location.pathname}${part}?${new URLSearchParams({ token: query.get("token") || "" })}${more}`;
  const part = (id) => document.getElementById(id);
  const OVER = /completed|cancelled|failed/;
  let texts, now;

  async function ask(method, url, body) {
    const options = { method, headers: { "Accept-Language": texts ? texts.language : navigator.language } };
    if (body) {
      options.body = JSON.stringify(body);
      options.headers["Content-Type"] = "application/json";
    }
    let reply, read;
    try {
      reply = await fetch(url, options);
      read = await reply.json();
    } catch (fault) { throw texts ? new Error(texts.unreachable) : fault; }
    if (!reply.ok) throw new Error(read.error.message);
    return read;
  }
  const say = (text) => { part("told").textContent = text; };
  const moment = (seconds) => new Intl.DateTimeFormat(texts.language, { weekday: "long", day: "numeric", month: "long",
    year: "numeric", hour: "numeric", minute: "2-digit" }).format(seconds * 1000);

  let later;
  function show(progress) {
    now = progress;
    const isOver = OVER.test(now.stage), wait = (now.at || 0) * 1000 - Date.now();
    clearTimeout(later);
    if (now.stage === "queued" && wait > 0) later = setTimeout(show, Math.min(wait, 86400000), now);
    say(now.stage === "queued" && wait > 0 ? texts.form.booked.replace("{at}", moment(now.at)) : texts.stage[now.stage]);
    part("cancel").hidden = isOver || now.stage === "talking";
    part("stars").hidden = now.stage !== "completed";
    part("erase").hidden = !isOver;
  }
  // What a button does; what is refused is said, and everything stays as it is.
  const does = (id, work) => part(id).addEventListener("click", async () => {
    try { await work(); } catch (refusal) { say(refusal.message); }
    if (part(id).hidden) part("title").focus();
  });

  // -- what is kept -------------------------------------------------------------------------------

  const TIMES = ["created", "not_before", "ended_at", "time", "at"];
  const isEmpty = (value) => value === null || value === "" || (typeof value === "object" && !Object.keys(value).length);
  function written(name, value) {
    if (TIMES.includes(name) && typeof value === "number") return moment(value);
    if (typeof value === "boolean") return value ? texts.yes : texts.no;
    if (Array.isArray(value)) return value.map((one) => written(name, one)).join("\n");
    if (typeof value === "object") return Object.entries(value).map(([key, one]) => written(key, one)).join(" · ");
    return String(value);
  }
  function tell(found) {
    const { context = {}, to, state: _state, id: _id, ...rest } = found;
    const rows = [[texts.form.number, "to", to],
      ...Object.entries(rest).map(([name, value]) => [texts.kept[name] || name, name, value]),
      ...Object.entries(context).map(([name, value]) => [texts.fact[name] || name, name, value])];
    part("kept").replaceChildren(...rows.filter((row) => row[2] !== undefined && !isEmpty(row[2])).flatMap(([label, name, value]) => {
      const term = document.createElement("dt"), said = document.createElement("dd");
      term.textContent = label;
      said.textContent = written(name, value);
      said.dir = "auto";
      return [term, said];
    }));
    part("kept").hidden = !part("kept").children.length;
  }

  // -- how far it is --------------------------------------------------------------------------------

  function follow() {
    const source = new EventSource(`${location.pathname}/events`);
    source.addEventListener("stage", (event) => {
      show(JSON.parse(event.data));
      if (OVER.test(now.stage)) source.close();
    });
    // One that was refused does not come back by itself.
    source.onerror = () => { if (source.readyState === EventSource.CLOSED && !OVER.test(now.stage)) setTimeout(follow, 10000); };
  }
  async function start() {
    try { texts = await ask("GET", `../../callback/texts?${new URLSearchParams({ language: query.get("language") || "" })}`); } catch {
      setTimeout(start, 5000);
      return;
    }
    document.documentElement.lang = texts.language;
    document.dir = texts.direction;
    document.title = part("title").textContent = texts.kept.title;
    part("rate").textContent = texts.form.rate;
    part("cancel").textContent = texts.form.cancel;
    part("see").textContent = texts.form.data;
    part("erase").textContent = texts.form.erase;
    for (const value of [1, 2, 3, 4, 5]) {
      const star = document.createElement("button");
      star.type = "button";
      star.id = `star-${value}`;
      star.textContent = value;
      star.setAttribute("aria-label", `${value} / 5`);
      part("stars").append(star);
      does(star.id, async () => {
        await ask("POST", at("/rating"), { rating: value * 2 });
        part("stars").hidden = true;
        say(texts.form.thanks);
        part("title").focus();
      });
    }
    does("cancel", async () => show(await ask("DELETE", at(""))));
    does("see", async () => tell(await ask("GET", at("/data"))));
    does("erase", async () => {
      await ask("DELETE", at("/data"));
      say(texts.form.erased);
      part("erase").hidden = part("see").hidden = part("stars").hidden = part("kept").hidden = true;
    });
    document.querySelector("main").hidden = false;
    try {
      show(await ask("GET", location.pathname));
      if (!OVER.test(now.stage)) follow();
    } catch (refusal) {
      say(refusal.message);
      part("see").hidden = true;
    }
  }
  start();
})();
