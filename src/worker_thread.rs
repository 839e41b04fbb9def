//! Recognises the worker threads of an actix-web server.

/// Whether the current thread is a worker of an actix-web `HttpServer`.
///
/// Each worker calls the server's factory, so layers that are created there are created several
/// times. A worker is known by the name of its thread, which depends on whether the server runs
/// within an actix system. Without the feature `actix` there are no workers.
pub(crate) fn is_worker_thread() -> bool {
    let names = ["actix-rt|system:", "actix-server worker"];
    let thread = std::thread::current();
    cfg!(feature = "actix")
        && thread.name().is_some_and(|name| names.iter().any(|worker| name.starts_with(worker)))
}
