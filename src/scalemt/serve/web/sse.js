// Server-sent events out of pieces of text, as the HTML standard reads them (9.2.6), data as JSON.

/** Yield `[event, data]` from an async iterable of strings; comments and events without data are left out. */
export async function* events(pieces) {
  let rest = "";
  let name = "";
  let data = [];
  for await (const piece of pieces) {
    const lines = (rest + piece).split("\n");
    rest = lines.pop();
    for (const line of lines.map((text) => text.replace(/\r$/, ""))) {
      if (line === "") {
        if (data.length) yield [name || "message", JSON.parse(data.join("\n"))];
        [name, data] = ["", []];
      } else if (line.startsWith("event:")) name = line.slice(6).trim();
      else if (line.startsWith("data:")) data.push(line.slice(5).replace(/^ /, ""));
    }
  }
}
