// Keeps the best prices and the tape of a product's page as they are, from the public stream. Without it the page is as
// of when it was loaded.
(function () {
  "use strict";
  var tape = document.getElementById("tape");
  if (!tape || !window.EventSource) return;
  var symbol = tape.dataset.symbol;
  var body = tape.querySelector("tbody");
  var state = tape.querySelector("[role=status]");
  var ROWS_MAX = 500;
  var source = null;

  function grouped(digits) {
    return digits.replace(/\B(?=(\d{3})+$)/g, ",");
  }

  // As the page writes prices: two decimals, or the three of the finest tick.
  function price(text) {
    if (text === null) return "–";
    var parts = Number(text).toFixed(3).replace(/0$/, "").split(".");
    return "$" + grouped(parts[0]) + "." + parts[1];
  }

  function time(text) {
    return text.slice(0, 16).replace("T", " ");
  }

  function length(trade) {
    var minutes = (Date.parse(trade.end) - Date.parse(trade.start)) / 60000;
    var unit = minutes % 1440 === 0 ? [1440, "day"] : minutes % 60 === 0 ? [60, "hour"] : [1, "minute"];
    var count = minutes / unit[0];
    return grouped(String(count)) + " " + unit[1] + (count === 1 ? "" : "s");
  }

  function cell(row, kind, label, text) {
    var made = document.createElement(label ? "td" : "th");
    if (label) made.dataset.label = label; else made.scope = "row";
    if (kind) made.className = kind;
    made.textContent = text;
    row.appendChild(made);
    return made;
  }

  function add(trade) {
    var row = document.createElement("tr");
    row.dataset.trade = trade.id;
    cell(row, "num", "", time(trade.created_at));
    cell(row, "r num", "Price", price(trade.price));
    cell(row, "r num", "GPUs", String(trade.gpus));
    cell(row, "num", "From", time(trade.start));
    cell(row, "", "For", length(trade));
    var taken = document.createElement("span");
    taken.className = trade.aggressor === "bid" ? "up" : "down";
    taken.textContent = trade.aggressor === "bid" ? "a bid" : "an ask";
    cell(row, "", "Taken by", "").appendChild(taken);
    body.insertBefore(row, body.firstChild);
    if (body.rows.length > ROWS_MAX) body.deleteRow(-1);
  }

  // Trades come oldest first.
  function print(trades) {
    if (!trades.length) return;
    var last = trades[trades.length - 1];
    tile("last", price(last.price), time(last.created_at));
    if (tape.dataset.paged) return;
    trades.forEach(add);
    tape.querySelectorAll(".empty").forEach(function (empty) { empty.remove(); });
    body.parentElement.hidden = false;
  }

  function tile(name, text, small) {
    var place = document.querySelector("[data-live=" + name + "]");
    if (!place) return;
    var note = document.createElement("small");
    note.textContent = small;
    place.replaceChildren(text, note);
  }

  function tops(books) {
    (books || []).forEach(function (book) {
      tile("best_bid", price(book.best_bid), book.bids + " resting");
      tile("best_ask", price(book.best_ask), book.asks + " resting");
    });
  }

  function trades(data) {
    return data.trades ? data.trades[0].data : [];
  }

  // The newest trades, newest first: those above the first row are new. Where it is not among them, too much has passed.
  function snapshot(event) {
    var data = JSON.parse(event.data);
    var newest = trades(data);
    var first = body.rows.length ? body.rows[0].dataset.trade : null;
    var known = newest.findIndex(function (trade) { return trade.id === first; });
    if (known < 0 && first && !tape.dataset.paged) body.replaceChildren();
    print(newest.slice(0, known < 0 ? newest.length : known).reverse());
    tops(data.books);
    state.textContent = "live";
  }

  function delta(event) {
    var data = JSON.parse(event.data);
    print(trades(data));
    tops(data.books);
    state.textContent = "live";
  }

  function open() {
    source = new EventSource("/v1/stream?topics=" + encodeURIComponent("trades:" + symbol + ",book:" + symbol));
    source.addEventListener("snapshot", snapshot);
    source.addEventListener("delta", delta);
    source.addEventListener("error", function () { state.textContent = ""; });
  }

  function close() {
    if (source) source.close();
    source = null;
    state.textContent = "";
  }

  // Browsers keep few connections to one server: pages that nobody looks at must not take them all.
  function look() {
    if (document.hidden) close(); else if (!source) open();
  }

  document.addEventListener("visibilitychange", look);
  window.addEventListener("pagehide", close);
  window.addEventListener("pageshow", look);
  look();
})();
