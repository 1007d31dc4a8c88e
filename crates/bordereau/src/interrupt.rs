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

/// Waits for SIGHUP, by which an operator asks for files to be read again.
pub async fn hung_up() {
    match tokio::signal::unix::signal(tokio::signal::unix::SignalKind::hangup()) {
        Ok(mut signal) => _ = signal.recv().await,
        Err(_) => std::future::pending::<()>().await,
    }
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
