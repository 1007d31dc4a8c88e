//! Ctrl-C, SIGTERM and SIGHUP, turned into calls.

/// Waits for Ctrl-C or SIGTERM.
pub async fn requested() {
    let terminate = async {
        match tokio::signal::unix::signal(tokio::signal::unix::SignalKind::terminate()) {
            Ok(mut signal) => _ = signal.recv().await,
            // Without a handler the signal ends the process as it always did.
            Err(_) => std::future::pending::<()>().await,
        }
    };
    tokio::select! {
        _ = tokio::signal::ctrl_c() => {}
        () = terminate => {}
    }
}

/// SIGHUP, by which an operator asks for files to be read again. From this call on it does not end the process, and
/// none is missed while the one before is seen to.
///
/// # Errors
/// When the system does not let signals be handled.
pub fn hang_ups() -> std::io::Result<tokio::signal::unix::Signal> {
    tokio::signal::unix::signal(tokio::signal::unix::SignalKind::hangup())
}

/// Calls `stop` at the first Ctrl-C, on a thread of its own. For commands that are not asynchronous themselves; the
/// thread ends with the process.
pub fn on_request(stop: impl FnOnce() + Send + 'static) {
    std::thread::spawn(move || {
        if let Ok(runtime) = tokio::runtime::Builder::new_current_thread().enable_all().build() {
            runtime.block_on(requested());
            stop();
        }
    });
}
