//! Network interfaces: whether received packets are spread over the cores.

use crate::doctor::checks::{Check, Host, Judgement, Need, Remedy, Severity};

pub(super) static CHECKS: &[Check] = &[
    Check {
        name: "receive-queues",
        read: "/sys/class/net/*/queues, and rps_cpus of each",
        what: "Queues of received packets of each interface, against the shards and cores. One \
               queue is served by one core, unless RPS passes its packets on.",
        why: "all that clients send and acknowledge passes through one core",
        source: "Documentation/networking/scaling.rst",
        judge: queues,
    },
    Check {
        name: "interrupts",
        read: "/proc/interrupts, /proc/irq/*/effective_affinity_list",
        what: "The cores that the interrupts of an interface with several queues go to.",
        why: "the queues are of no use if one core serves them all",
        source: "Documentation/core-api/irq/irq-affinity.rst; Documentation/networking/scaling.rst",
        judge: interrupts,
    },
];

fn queues(host: &Host, need: &Need) -> Option<Judgement> {
    let busy = need.shards().min(host.cores.len());
    let told = host.nics.iter().map(|nic| {
        let spread = if nic.spreads { ", spread by RPS" } else { "" };
        format!("{}: {}{spread}", nic.name, nic.queues)
    });
    let is = told.collect::<Vec<_>>().join("; ");
    let few = host
        .nics
        .iter()
        .find(|nic| nic.queues == 1 && !nic.spreads && 1 < busy);
    let Some(nic) = few else {
        return (!is.is_empty()).then(|| Judgement::fine(is));
    };
    let name = &nic.name;
    let wrong = Judgement::wrong(Severity::Note, is, "several queues, or RPS");
    let wrong = wrong.by(Remedy::Do(format!("ethtool -L {name} combined {busy}")));
    let mask = mask(&host.cores);
    Some(wrong.by(Remedy::Do(format!(
        "where the device has one queue only: echo {mask} > \
         /sys/class/net/{name}/queues/rx-0/rps_cpus"
    ))))
}

fn interrupts(host: &Host, need: &Need) -> Option<Judgement> {
    let busy = need.shards().min(host.cores.len());
    let mut several = host
        .nics
        .iter()
        .filter(|nic| 1 < nic.queues && 1 < nic.interrupts);
    let first = several.clone().next()?;
    let Some(nic) = several.find(|nic| nic.cores.len() == 1 && 1 < busy) else {
        let is = format!("{}: on {} cores", first.name, first.cores.len());
        return Some(Judgement::fine(is));
    };
    let (name, count, cores) = (&nic.name, nic.interrupts, &nic.cores);
    let is = format!("{name}: {count} interrupts on core {cores:?}");
    let wrong = Judgement::wrong(Severity::Warning, is, "spread over the cores");
    Some(wrong.by(Remedy::Do(
        "run irqbalance, or write a core for each into /proc/irq/N/smp_affinity_list".to_owned(),
    )))
}

/// Cores as a mask in hexadecimal digits, in words of 32 bits.
fn mask(cores: &[usize]) -> String {
    let last = cores.iter().max().copied().unwrap_or(0);
    let words = (0..=last / 32).rev().map(|word| {
        let bits = cores.iter().filter(|core| **core / 32 == word);
        let bits = bits.fold(0_u32, |mask, core| mask | 1 << (core % 32));
        if word == last / 32 {
            format!("{bits:x}")
        } else {
            format!("{bits:08x}")
        }
    });
    words.collect::<Vec<_>>().join(",")
}

#[cfg(test)]
mod tests {
    use super::mask;

    #[test]
    fn a_mask_has_words_of_32_bits() {
        assert_eq!(mask(&[0, 1]), "3");
        assert_eq!(mask(&[0, 33]), "2,00000001");
    }
}
