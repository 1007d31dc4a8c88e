//! The multipart body of an upload, given to a receiver. How parts are read is in `parts`, which knows nothing of HTTP.

mod parts;

use std::time::Duration;

use axum::body::Body;
use axum::http::HeaderMap;
use axum::http::header::CONTENT_TYPE;
use bordereau_jobs::UploadReceiver;

use crate::problem::Problem;
use parts::{FilePart, PartFault};

/// What a body may have beyond the upload's own cap: boundaries, headers, parts left aside.
pub(crate) const BESIDES_BYTES_MAX: u64 = 1 << 20;

/// The boundary that `Content-Type` states for a multipart form.
pub(crate) fn boundary(headers: &HeaderMap) -> Result<String, Problem> {
    let stated = headers.get(CONTENT_TYPE).and_then(|value| value.to_str().ok());
    stated.and_then(parts::boundary).ok_or(Problem::NotMultipart)
}

/// Reads the body to its end and gives the zip to the receiver.
pub(crate) async fn receive(
    body: Body,
    boundary: String,
    receiver: &mut UploadReceiver,
    upload_bytes_max: u64,
    body_idle: Duration,
) -> Result<(), Problem> {
    let bytes_max = upload_bytes_max.saturating_add(BESIDES_BYTES_MAX);
    let problem = |fault| match fault {
        PartFault::TooSlow => Problem::TooSlow,
        PartFault::TooLarge => Problem::TooLarge { upload_bytes_max },
        PartFault::Broken => Problem::BrokenMultipart,
        PartFault::None => Problem::NoFilePart,
        PartFault::Many => Problem::ManyFileParts,
    };
    let mut file = FilePart::of(body.into_data_stream(), boundary, bytes_max, body_idle);
    while let Some(piece) = file.next().await.map_err(problem)? {
        receiver.write(piece).await?;
    }
    Ok(())
}
