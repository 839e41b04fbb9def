use std::fmt;
use std::sync::OnceLock;

use metrics::Gauge;

use crate::delivery::Scope;
use crate::metrics::table::IN_FLIGHT;
use crate::panic::catch;

/// Measures how many permits are taken. `None` without an endpoint.
#[derive(Default)]
pub(crate) struct InFlight(Option<(Scope, OnceLock<Gauge>)>);

impl InFlight {
    pub(crate) fn of(scope: &Scope) -> Self {
        Self(Some((scope.clone(), OnceLock::new())))
    }

    pub(crate) fn taken(&self) {
        self.with_gauge(|gauge| gauge.increment(1.0));
    }

    pub(crate) fn given_back(&self) {
        self.with_gauge(|gauge| gauge.decrement(1.0));
    }

    /// A panic of the exporter is caught: it would keep the permit for ever.
    fn with_gauge(&self, change: impl FnOnce(&Gauge)) {
        if let Some((scope, gauge)) = &self.0 {
            let _ = catch(|| change(gauge.get_or_init(|| IN_FLIGHT.gauge(&[scope.as_str()]))));
        }
    }
}

impl fmt::Debug for InFlight {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("InFlight")
    }
}
