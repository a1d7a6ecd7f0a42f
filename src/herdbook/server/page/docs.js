"use strict";

// Everything is put into the page as text: the document's own words are never read as markup.
function element(name, text, ...children) {
  const made = document.createElement(name);
  if (text) made.textContent = text;
  made.append(...children);
  return made;
}

function spelled(schema) {
  if (!schema) return "nothing";
  if (schema.$ref) return schema.$ref.split("/").pop();
  if (schema.anyOf || schema.oneOf) return (schema.anyOf || schema.oneOf).map(spelled).join(" or ");
  if (schema.type === "array") return `list of ${spelled(schema.items)}`;
  if (schema.const) return JSON.stringify(schema.const);
  if (schema.additionalProperties && typeof schema.additionalProperties === "object") {
    return `object of ${spelled(schema.additionalProperties)}`;
  }
  return [].concat(schema.type || "anything").join(" or ");
}

function rows(entries) {
  const body = element("tbody");
  for (const [name, schema, needed, about] of entries) {
    body.append(element("tr", "",
      element("td", "", element("code", name)), element("td", spelled(schema)),
      element("td", needed ? "needed" : ""), element("td", about || "")));
  }
  return element("table", "", body);
}

function members(schema) {
  const needed = new Set(schema.required || []);
  return Object.entries(schema.properties || {}).map(([name, part]) => [name, part, needed.has(name), part.description]);
}

function operation(document_, method, path, told) {
  const head = element("summary", "", element("span", method.toUpperCase()), element("code", path), " " + told.summary);
  head.firstChild.className = "method";
  const made = element("details", "", head);
  made.dataset.words = `${path} ${told.operationId} ${told.summary}`.toLowerCase();
  made.append(element("p", `operation ${told.operationId}; refuses with ${told["x-errors"].join(", ")}`));
  if (told.parameters.length) {
    made.append(rows(told.parameters.map((each) => [each.name, each.schema, each.required, each.description])));
  }
  const body = told.requestBody && told.requestBody.content["application/json"];
  if (body) {
    made.append(element("h4", "Body"));
    made.append(rows(members(document_.components.schemas[spelled(body.schema)])));
  }
  for (const [status, answer] of Object.entries(told.responses)) {
    const content = answer.content && answer.content["application/json"];
    if (!answer.$ref) made.append(element("p", `${status}: ${content ? spelled(content.schema) : answer.description}`));
  }
  return made;
}

function show(document_) {
  document.getElementById("about").textContent = `${document_.info.description} Version ${document_.info.version}.`;
  const main = document.getElementById("operations");
  for (const [path, methods] of Object.entries(document_.paths)) {
    for (const [method, told] of Object.entries(methods)) main.append(operation(document_, method, path, told));
  }
  const types = document.getElementById("types");
  for (const [name, schema] of Object.entries(document_.components.schemas)) {
    const detail = element("details", "", element("summary", name), element("p", schema.description || ""));
    if (schema.properties) detail.append(rows(members(schema)));
    if (schema.enum) detail.append(element("p", schema.enum.join(", ")));
    if (schema.oneOf) schema.oneOf.forEach((each) => detail.append(element("h4", each.description || ""), rows(members(each))));
    types.append(detail);
  }
  document.getElementById("find").addEventListener("input", (event) => {
    const wanted = event.target.value.toLowerCase();
    for (const each of main.children) each.hidden = !each.dataset.words.includes(wanted);
  });
}

fetch("openapi.json").then((answer) => answer.json()).then(show).catch((error) => {
  document.getElementById("about").textContent = `The document cannot be shown: ${error}`;
});
