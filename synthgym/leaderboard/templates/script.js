"use strict";
// The page works without this: it adds sorting, one player at a time, and highlighting.

for (const table of document.querySelectorAll("table.sortable")) {
  const body = table.tBodies[0];
  const heads = [...table.tHead.rows[table.tHead.rows.length - 1].cells];
  const value = (row, column) => {
    const cell = row.cells[column];
    return "sort" in cell.dataset ? Number(cell.dataset.sort) : cell.textContent.trim();
  };
  heads.forEach((head, column) => {
    if (head.classList.contains("plain")) return;
    const button = document.createElement("button");
    button.type = "button";
    button.append(...head.childNodes);
    head.append(button);
    button.addEventListener("click", () => {
      const up = head.getAttribute("aria-sort") !== "ascending";
      heads.forEach((other) => other.removeAttribute("aria-sort"));
      head.setAttribute("aria-sort", up ? "ascending" : "descending");
      const rows = [...body.rows].sort((a, b) => {
        const x = value(a, column);
        const y = value(b, column);
        return typeof x === "number" ? x - y : x.localeCompare(y);
      });
      body.append(...(up ? rows : rows.reverse()));
    });
  });
}

document.addEventListener("play", (event) => {
  for (const player of document.querySelectorAll("audio")) {
    if (player !== event.target) player.pause();
  }
}, true);

const highlight = (solver) => {
  for (const part of document.querySelectorAll(".plot [data-solver]")) {
    part.classList.toggle("dim", solver !== undefined && part.dataset.solver !== solver);
    part.classList.toggle("lit", part.dataset.solver === solver);
  }
};
document.addEventListener("pointerover", (event) => {
  highlight(event.target.closest("[data-solver]")?.dataset.solver);
});
document.documentElement.addEventListener("pointerleave", () => highlight(undefined));

// A link to a target opens it.
const open = () => {
  const target = document.getElementById(location.hash.slice(1));
  if (target instanceof HTMLDetailsElement) {
    target.open = true;
    target.scrollIntoView();
  }
};
window.addEventListener("hashchange", open);
open();
