//! The HTTP reference page, made from the OpenAPI document so that it cannot differ from the handlers.

use std::fmt::Write as _;

use serde_json::{Map, Value};

use crate::openapi::openapi_json;

const HEAD: &str = "# HTTP\n\nThis page is generated: `bordereau config reference http > docs/http.md`. The same as OpenAPI \
                    3.1: `/api/2/openapi.json`.\n";

/// The page, in Markdown. `docs/http.md` is this text.
pub fn http_reference() -> String {
    let document: Value = serde_json::from_str(&openapi_json()).unwrap_or_default();
    let mut page = HEAD.to_owned();
    let _ = writeln!(page, "\n{}", text(&document["info"], "description"));
    for (path, methods) in members(&document["paths"]) {
        for (method, operation) in members(methods) {
            operation_section(&mut page, path, method, operation);
        }
    }
    page
}

fn members(value: &Value) -> impl Iterator<Item = (&String, &Value)> {
    value.as_object().into_iter().flat_map(Map::iter)
}

fn text<'a>(value: &'a Value, name: &str) -> &'a str {
    value[name].as_str().unwrap_or_default()
}

fn operation_section(page: &mut String, path: &str, method: &str, operation: &Value) {
    // Writing to a String cannot fail.
    let _ = writeln!(page, "\n## {} {path}\n\n{}", method.to_uppercase(), text(operation, "summary"));
    let description = text(operation, "description");
    if !description.is_empty() {
        let _ = writeln!(page, "\n{description}");
    }
    let parameters = operation["parameters"].as_array().map(Vec::as_slice).unwrap_or_default();
    if !parameters.is_empty() {
        page.push_str("\n| parameter | in | required | meaning |\n| --- | --- | --- | --- |\n");
    }
    for parameter in parameters {
        let required = if parameter["required"] == true { "yes" } else { "no" };
        let (name, place) = (text(parameter, "name"), text(parameter, "in"));
        let _ = writeln!(page, "| `{name}` | {place} | {required} | {} |", cell(text(parameter, "description")));
    }
    page.push_str("\n| status | body | meaning |\n| --- | --- | --- |\n");
    for (status, response) in members(&operation["responses"]) {
        let bodies: Vec<&str> = members(&response["content"]).map(|(kind, _)| kind.as_str()).collect();
        let _ = writeln!(page, "| {status} | {} | {} |", bodies.join(", "), cell(text(response, "description")));
    }
}

fn cell(text: &str) -> String {
    text.replace('|', "\\|").replace('\n', " ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_page_in_docs_is_the_generated_one() {
        let written = include_str!("../../../docs/http.md");
        assert_eq!(written, http_reference(), "run `bordereau config reference http > docs/http.md`");
    }
}
