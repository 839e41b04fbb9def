/// Whether this runs in a worker of an `HttpServer`, with an actix system around the server
/// or without.
pub(crate) fn is_worker() -> bool {
    let workers = ["actix-rt|system:", "actix-server worker"];
    let thread = std::thread::current();
    thread.name().is_some_and(|name| workers.iter().any(|worker| name.starts_with(worker)))
}
