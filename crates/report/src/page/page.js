"use strict";
(function () {
  // Opens the card that an address points at.
  function reveal() {
    var body = location.hash.length > 1 && document.getElementById(location.hash.slice(1));
    var card = body && body.closest("details");
    if (!card) return;
    card.open = true;
    card.querySelector("summary").focus({ preventScroll: true });
    card.scrollIntoView({ block: "start" });
  }

  // Puts the rows in the order of one column of the table; the cells say in data-k what to compare.
  function sort(table, at, header) {
    var up = header.getAttribute("aria-sort") !== "ascending";
    if (header.getAttribute("aria-sort") === "none" && header.dataset.first === "down") up = false;
    table.querySelectorAll("thead th[aria-sort]").forEach(function (other) { other.setAttribute("aria-sort", "none"); });
    header.setAttribute("aria-sort", up ? "ascending" : "descending");
    var body = table.tBodies[0];
    var rows = Array.from(body.rows, function (row, place) {
      var key = row.cells[at].dataset.k;
      return { row: row, place: place, key: header.dataset.kind === "text" ? key : Number(key) };
    });
    rows.sort(function (a, b) {
      var order = typeof a.key === "number" ? a.key - b.key : a.key.localeCompare(b.key, undefined, { numeric: true });
      return (up ? order : -order) || a.place - b.place;
    });
    var all = document.createDocumentFragment();
    rows.forEach(function (entry) { all.appendChild(entry.row); });
    body.appendChild(all);
  }

  // Turns the headings of a table into buttons that sort.
  function sortable(table) {
    Array.from(table.tHead.rows[0].cells).forEach(function (header, at) {
      if (header.classList.contains("nosort")) return;
      var button = document.createElement("button");
      button.type = "button";
      button.textContent = header.textContent;
      header.textContent = "";
      header.appendChild(button);
      header.setAttribute("aria-sort", at === 0 ? "ascending" : "none");
      var name = button.textContent;
      header.dataset.kind = name === "Column" || name === "Type" ? "text" : "number";
      header.dataset.first = name === "Missing" || name === "Distinct" || name === "Alerts" ? "down" : "up";
      button.addEventListener("click", function () { sort(table, at, header); });
    });
  }

  // Hides rows and cards that do not hold all words of the search.
  function searchable(tools) {
    var table = document.getElementById(tools.dataset.for);
    var field = tools.querySelector("input[type=search]");
    var alerts = tools.querySelector("input[type=checkbox]");
    var said = tools.querySelector("output");
    var rows = Array.from(table.tBodies[0].rows, function (row) {
      return { row: row, card: document.getElementById(row.dataset.card).closest("details"),
        text: row.dataset.q, alerts: Number(row.lastElementChild.dataset.k) };
    });
    function filter() {
      var words = field.value.toLowerCase().split(/\s+/).filter(Boolean);
      var shown = 0;
      rows.forEach(function (entry) {
        var fits = (!alerts.checked || entry.alerts > 0) && words.every(function (word) { return entry.text.includes(word); });
        entry.row.hidden = entry.card.hidden = !fits;
        if (fits) shown += 1;
      });
      var all = rows.length.toLocaleString("en");
      said.textContent = shown === rows.length ? all + " columns" : shown.toLocaleString("en") + " of " + all + " columns";
    }
    var waiting = 0;
    field.addEventListener("input", function () { clearTimeout(waiting); waiting = setTimeout(filter, 80); });
    alerts.addEventListener("change", filter);
    tools.hidden = false;
  }

  document.querySelectorAll("table.index").forEach(sortable);
  document.querySelectorAll(".tools").forEach(searchable);
  window.addEventListener("hashchange", reveal);
  reveal();
})();
