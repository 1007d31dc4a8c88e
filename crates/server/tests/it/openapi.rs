#[test]
fn the_document_is_openapi_31_and_changes_only_on_purpose() {
    let document = bordereau_server::openapi_json();
    let parsed: serde_json::Value = serde_json::from_str(&document).unwrap();
    assert!(parsed["openapi"].as_str().is_some_and(|version| version.starts_with("3.1")));
    insta::assert_snapshot!(document);
}
