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
