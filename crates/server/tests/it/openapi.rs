#[test]
fn the_document_is_openapi_31_and_changes_only_on_purpose() {
    let document = bordereau_server::openapi_json();
    let parsed: serde_json::Value = serde_json::from_str(&document).unwrap();
    assert!(parsed["openapi"].as_str().is_some_and(|version| version.starts_with("3.1")));
    let mut ids = Vec::new();
    for methods in parsed["paths"].as_object().unwrap().values() {
        ids.extend(methods.as_object().unwrap().values().map(|operation| operation["operationId"].as_str().unwrap()));
    }
    ids.sort_unstable();
    assert!(ids.windows(2).all(|two| two[0] != two[1]), "an operation has an id of its own: {ids:?}");
    insta::assert_snapshot!(document);
}

/// The page and its files come from this server and from nowhere else.
#[tokio::test]
async fn the_document_is_served_as_a_page_that_needs_no_other_server() {
    let world = crate::world::World::start().await;
    let (status, page) = crate::world::said(world.client.get(world.url("/api/2/docs"))).await;
    assert_eq!(status, 200);
    assert!(!page.contains("http://") && !page.contains("https://") && !page.contains("//cdn"));
    let named: Vec<&str> =
        page.split(['"']).filter(|part| part.starts_with("docs/")).map(|part| &part["docs/".len()..]).collect();
    assert_eq!(named, ["swagger-ui.css", "swagger-ui-bundle.js", "start.js"]);
    for name in named {
        let response = world.client.get(world.url(&format!("/api/2/docs/{name}"))).send().await.unwrap();
        assert_eq!(response.status(), 200, "{name}");
        let policy = response.headers()["content-security-policy"].to_str().unwrap();
        assert!(policy.starts_with("default-src 'none'") && !policy.contains("http"), "{policy}");
        assert!(!response.bytes().await.unwrap().is_empty(), "{name}");
    }
    assert_eq!(crate::world::said(world.client.get(world.url("/api/2/docs/none.js"))).await.0, 404);
}
