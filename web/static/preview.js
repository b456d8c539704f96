/* The preview: the form on one side, a page with the snippet on the other. */
(() => {
  "use strict";
  const query = new URLSearchParams(location.search);
  const key = query.get("site");
  const form = document.getElementById("form");
  if (!form) { // the page itself
    const script = document.createElement("script");
    script.src = new URL("../ringback.js", location.href);
    script.dataset.site = key;
    script.dataset.language = query.get("language") || "";
    script.dataset.preview = query.get("preview") || "{}";
    document.body.append(script);
    return;
  }
  const TEXTS = ["call_now", "call_later", "title"];
  const LANGUAGES = { en: "English", de: "Deutsch", fr: "Français", es: "Español", it: "Italiano", pt: "Português",
    pl: "Polski", uk: "Українська", lt: "Lietuvių", tr: "Türkçe", ar: "العربية", ja: "日本語" };
  const field = (name) => form.elements.namedItem(name);
  const quoted = (text) => JSON.stringify(text);
  let texts;

  async function read(language) {
    const wanted = language ? `?language=${language}` : "";
    texts = await (await fetch(`v1/sites/${encodeURIComponent(key)}/texts${wanted}`)).json();
    for (const name of TEXTS) field(name).value = texts.form[name];
  }
  function show() {
    const look = { colour: field("colour").value, position: field("position").value, unreachable: field("unreachable").value };
    const changed = {};
    for (const name of TEXTS) if (field(name).value !== texts.form[name]) changed[name] = field(name).value;
    const triggers = { after_s: Number(field("after_s").value), scrolled_percent: Number(field("scrolled_percent").value),
      on_leaving: field("on_leaving").checked, once: field("once").value };
    const preview = JSON.stringify({ look, form: { ...texts.form, ...changed }, triggers });
    const language = field("language").value;
    document.getElementById("page").src =
      `preview/page?${new URLSearchParams({ site: key, language, preview })}`;
    document.getElementById("line").textContent =
      `<script async src="${new URL("ringback.js", location.href)}" data-site="${key}"></` + "script>";
    const lines = [`language = ${quoted(language)}`, `look = { colour = ${quoted(look.colour)}, position = ${quoted(look.position)}, unreachable = ${quoted(look.unreachable)} }`,
      `triggers = { after_s = ${triggers.after_s.toFixed(1)}, scrolled_percent = ${triggers.scrolled_percent}, on_leaving = ${triggers.on_leaving}, once = ${quoted(triggers.once)} }`];
    const own = Object.entries(changed).map(([name, text]) => `${name} = ${quoted(text)}`);
    if (own.length) lines.push(`texts = { ${own.join(", ")} }`);
    document.getElementById("toml").textContent = lines.join("\n");
  }
  async function start() {
    for (const [value, name] of Object.entries(LANGUAGES)) {
      const option = document.createElement("option");
      option.value = value;
      option.textContent = name;
      field("language").append(option);
    }
    await read("");
    field("language").value = texts.language;
    field("colour").value = texts.look.colour;
    for (const name of ["position", "unreachable"]) field(name).value = texts.look[name];
    field("once").value = texts.triggers.once;
    for (const name of ["after_s", "scrolled_percent"]) field(name).value = texts.triggers[name];
    field("on_leaving").checked = texts.triggers.on_leaving;
    let later;
    form.addEventListener("input", async (event) => {
      if (event.target.name === "language") await read(event.target.value);
      clearTimeout(later);
      later = setTimeout(show, 300);
    });
    show();
  }
  start();
})();
