"use strict";
const all = (selector, from = document) => [...from.querySelectorAll(selector)];
const one = (selector) => document.querySelector(selector);
const byName = (attribute, name) => all(`[${attribute}]`).find((each) => each.getAttribute(attribute) === name);

// Search: each word must be in a table's own text or in one of its columns.
const query = one("#q"), found = one("#found"), resting = found.innerHTML;
const tables = all("article[data-table]").map((article) => ({
  article, details: article.firstElementChild, link: byName("data-of", article.dataset.table),
  layer: article.closest("section").dataset.layer,
  text: (article.dataset.table + " " + article.querySelector(".lead").textContent).toLowerCase(),
  columns: all(".cols tbody tr", article).map((row) => ({ row, text: row.textContent.toLowerCase() })),
}));
function filter() {
  const words = query.value.toLowerCase().split(/\s+/).filter(Boolean);
  const layers = new Set(all("button.layer[aria-pressed=true]").map((button) => button.dataset.layer));
  let nTables = 0, nColumns = 0;
  for (const table of tables) {
    const hits = table.columns.filter((column) => words.some((word) => column.text.includes(word))
      && words.every((word) => column.text.includes(word) || table.text.includes(word)));
    const isShown = layers.has(table.layer)
      && (words.every((word) => table.text.includes(word)) || hits.length > 0);
    for (const column of table.columns) column.row.classList.toggle("hit", isShown && hits.includes(column));
    table.article.hidden = table.link.hidden = !isShown;
    if (words.length) table.details.open = isShown && hits.length > 0;
    nTables += isShown;
    nColumns += isShown ? hits.length : 0;
  }
  for (const section of all("section[data-layer]")) {
    section.hidden = !tables.some((table) => table.layer === section.dataset.layer && !table.article.hidden);
  }
  if (!words.length) found.innerHTML = resting;
  else found.textContent = `${nTables} tables, ${nColumns} columns`;
}
query.addEventListener("input", filter);
for (const button of all("button.layer")) {
  button.addEventListener("click", () => {
    button.setAttribute("aria-pressed", button.getAttribute("aria-pressed") !== "true");
    filter();
  });
}

// Keys: / searches, arrows go through the tables, Enter opens the first, Escape clears.
const shownLinks = () => all("#index a").filter((link) => link.offsetParent);
document.addEventListener("keydown", (event) => {
  const links = shownLinks(), at = links.indexOf(document.activeElement);
  if (event.key === "/" && document.activeElement !== query && !event.ctrlKey && !event.metaKey) query.focus();
  else if (event.key === "Escape") { query.value = ""; filter(); choose(null); return; }
  else if (event.key === "ArrowDown" && (document.activeElement === query || at >= 0)) (links[at + 1] || query).focus();
  else if (event.key === "ArrowUp" && at >= 0) (links[at - 1] || query).focus();
  else if (event.key === "Enter" && document.activeElement === query) {
    const first = tables.find((table) => !table.article.hidden);
    if (first) location.hash = first.article.id;
  } else return;
  event.preventDefault();
});

// A table that is linked to is shown and opened.
function openTarget() {
  const article = document.getElementById(decodeURIComponent(location.hash.slice(1)));
  const details = article && article.dataset.table && article.firstElementChild;
  if (!details) return;
  if (article.hidden) {
    query.value = "";
    for (const button of all("button.layer")) button.setAttribute("aria-pressed", "true");
    filter();
  }
  details.open = true;
  article.scrollIntoView();
  details.firstElementChild.focus({ preventScroll: true });
}
addEventListener("hashchange", openTarget);
document.addEventListener("click", (event) => {
  const link = event.target.closest("a[href^='#']");
  if (link && link.getAttribute("href") === location.hash) openTarget();
});

// Lineage: what the chosen table is made from, through all layers, and what is made from it.
const graph = one(".graph"), told = one("#chosen"), edges = all(".edges path"), nodes = all(".node");
const atRest = told.textContent;
function reach(name, from, to) {
  const seen = new Set([name]);
  for (const each of seen) for (const edge of edges) if (edge.dataset[from] === each) seen.add(edge.dataset[to]);
  return seen;
}
function choose(name) {
  graph.classList.toggle("chosen", Boolean(name));
  const up = name ? reach(name, "to", "from") : new Set(), down = name ? reach(name, "from", "to") : new Set();
  for (const node of nodes) {
    const own = node.dataset.node;
    node.classList.toggle("self", own === name);
    node.classList.toggle("up", own !== name && up.has(own));
    node.classList.toggle("down", own !== name && down.has(own));
    if (own === name) node.setAttribute("aria-current", "true"); else node.removeAttribute("aria-current");
  }
  for (const edge of edges) {
    edge.classList.toggle("up", up.has(edge.dataset.to) && up.has(edge.dataset.from));
    edge.classList.toggle("down", down.has(edge.dataset.from) && down.has(edge.dataset.to));
  }
  if (!name) { told.textContent = atRest; return; }
  const link = document.createElement("a");
  link.href = "#" + name;
  link.textContent = name;
  told.replaceChildren(link, ` is made from ${up.size - 1} tables; ${down.size - 1} are made from it.`);
}
for (const node of nodes) {
  node.addEventListener("click", (event) => {
    event.preventDefault();
    choose(node.classList.contains("self") ? null : node.dataset.node);
  });
}
for (const link of all("[data-show]")) {
  link.addEventListener("click", () => {
    choose(link.dataset.show);
    byName("data-node", link.dataset.show).scrollIntoView({ block: "nearest", inline: "center" });
  });
}

if (matchMedia("(max-width: 60rem)").matches) one("#index").open = false;
openTarget();
