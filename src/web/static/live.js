// Keeps the best prices and the tape of a product's page, and the prices of the market's rows, as they are, from the public
// stream. Without it the page is as of when it was loaded.
(function () {
  "use strict";
  var tape = document.getElementById("tape");
  var market = document.getElementById("market");
  if (!(tape || market) || !window.EventSource) return;
  var body = tape && tape.querySelector("tbody");
  var state = (tape || document).querySelector("[role=status]");
  var ROWS_MAX = 500;
  // A stream has 64 topics at most, and each product takes two.
  var PRODUCTS_MAX = 32;
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

  // Writes a price into the row of a product.
  function put(symbol, name, text, title) {
    var place = market.querySelector('tr[data-symbol="' + symbol + '"] [data-live=' + name + "]");
    if (!place || place.textContent === text) return;
    place.textContent = text;
    if (title) place.title = title;
  }

  // Micro-dollars: a difference of decimals would not be exact.
  function micros(text) {
    var parts = text.split(".");
    return Number(parts[0]) * 1e6 + Number(((parts[1] || "") + "000000").slice(0, 6));
  }

  function spread(book) {
    if (book.best_bid === null || book.best_ask === null) return "–";
    var apart = micros(book.best_ask) - micros(book.best_bid);
    return (apart < 0 ? "\u2212" : "") + price(String(Math.abs(apart) / 1e6));
  }

  function tops(books) {
    (books || []).forEach(function (book) {
      if (market) {
        put(book.symbol, "best_bid", price(book.best_bid));
        put(book.symbol, "best_ask", price(book.best_ask));
        put(book.symbol, "spread", spread(book));
        return;
      }
      tile("best_bid", price(book.best_bid), book.bids + " resting");
      tile("best_ask", price(book.best_ask), book.asks + " resting");
    });
  }

  // Writes the last trade of each product; the newest is at one end or the other.
  function lasts(data, newest) {
    (data.trades || []).forEach(function (product) {
      var last = product.data[newest(product.data.length)];
      if (last) put(product.symbol, "last", price(last.price), time(last.created_at) + " UTC");
    });
  }

  function trades(data) {
    return data.trades ? data.trades[0].data : [];
  }

  // The newest trades, newest first: those above the first row are new. Where it is not among them, too much has passed.
  function snapshot(event) {
    var data = JSON.parse(event.data);
    tops(data.books);
    state.textContent = "live";
    if (market) return lasts(data, function () { return 0; });
    var newest = trades(data);
    var first = body.rows.length ? body.rows[0].dataset.trade : null;
    var known = newest.findIndex(function (trade) { return trade.id === first; });
    if (known < 0 && first && !tape.dataset.paged) body.replaceChildren();
    print(newest.slice(0, known < 0 ? newest.length : known).reverse());
  }

  function delta(event) {
    var data = JSON.parse(event.data);
    if (market) lasts(data, function (count) { return count - 1; }); else print(trades(data));
    tops(data.books);
    state.textContent = "live";
  }

  function symbols() {
    if (tape) return [tape.dataset.symbol];
    var rows = Array.from(market.querySelectorAll("tr[data-symbol]")).slice(0, PRODUCTS_MAX);
    return rows.map(function (row) { return row.dataset.symbol; });
  }

  function open() {
    var topics = symbols().map(function (symbol) { return "trades:" + symbol + ",book:" + symbol; });
    source = new EventSource("/v1/stream?topics=" + encodeURIComponent(topics.join(",")));
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
