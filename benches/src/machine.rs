//! The machine that the figures were measured on.

use std::fs;
use std::process::Command;

/// The machine, as a Markdown list.
#[must_use]
pub fn describe() -> String {
    let cpu = fs::read_to_string("/proc/cpuinfo").unwrap_or_default();
    let model = field(&cpu, "model name").unwrap_or("unknown");
    let features = field(&cpu, "flags").or_else(|| field(&cpu, "Features")).unwrap_or_default();
    let has_sha = features.split(' ').any(|feature| ["sha_ni", "sha2"].contains(&feature));
    let cores = cpu.lines().filter(|line| line.starts_with("processor")).count();
    let kernel = fs::read_to_string("/proc/sys/kernel/osrelease").unwrap_or_default();
    let memory = fs::read_to_string("/proc/meminfo").unwrap_or_default();
    format!(
        "- CPU: {model}, {cores} logical CPUs, {} SHA extensions\n- memory: {}\n- kernel: Linux {}\n- {}\n",
        if has_sha { "with" } else { "without" },
        field(&memory, "MemTotal").unwrap_or("unknown"),
        kernel.trim(),
        rust(),
    )
}

fn field<'a>(text: &'a str, name: &str) -> Option<&'a str> {
    text.lines()
        .find_map(|line| Some(line.strip_prefix(name)?.trim_start_matches([' ', '\t', ':'])))
}

fn rust() -> String {
    let output = Command::new("rustc").arg("--version").output();
    output.map_or_else(|_| "rustc".into(), |o| String::from_utf8_lossy(&o.stdout).trim().to_owned())
}
