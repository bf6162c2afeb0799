//! The one table from the ways GPUs are spelled to products.
//!
//! A product is a model with its form and memory. A name that fits several forms is a product of its own
//! (`-unspecified`): the form is never guessed. Models that exist in one form only need none. The memory stated
//! beside the name decides, if it is one the model comes with; anything else is a part of a GPU, a total over
//! several or a mistake, and refused.

use super::{Refusal, RefusalCode};
use crate::types::Symbol;

const MIB_PER_GB: u32 = 1_024;

/// A memory a model comes with, and what sources report of it.
///
/// Drivers report less than the nominal size (an L40S with error correction 45 of 48 GB), some sources more
/// (an H200 143 of 141).
#[derive(Debug, Clone, Copy)]
struct Memory {
    gb: u32,
    min_mib: u32,
    max_mib: u32,
}

/// A model in one form.
#[derive(Debug)]
struct Model {
    /// The symbol without the memory.
    stem: &'static str,
    /// The memories it comes with.
    memories: &'static [Memory],
    /// Whether the plain name means the first of them. Where the makers sold two under one name it does not.
    plain: bool,
    /// How it is written, without maker and memory: lower-case words.
    spellings: &'static [&'static str],
}

const fn gb(gb: u32) -> Memory {
    Memory { gb, min_mib: gb * MIB_PER_GB * 93 / 100, max_mib: gb * MIB_PER_GB * 102 / 100 }
}

const fn reported(gb: u32, min_gb: u32, max_gb: u32) -> Memory {
    Memory { gb, min_mib: min_gb * MIB_PER_GB, max_mib: max_gb * MIB_PER_GB }
}

const fn model(stem: &'static str, memories: &'static [Memory], spellings: &'static [&'static str]) -> Model {
    Model { stem, memories, plain: true, spellings }
}

const fn stated(stem: &'static str, memories: &'static [Memory], spellings: &'static [&'static str]) -> Model {
    Model { stem, memories, plain: false, spellings }
}

/// HGX boards carry SXM modules; the device name with HBM3 is the SXM module's (the PCIe card has HBM2e). NVLink
/// says nothing: SXM modules have it and PCIe cards can be bridged.
const DATACENTRE: &[Model] = &[
    model("h100-sxm", &[gb(80)], &["h100 sxm", "h100 sxm5", "h100 hbm3", "hgx h100", "hgx h100 sxm", "h100 hgx"]),
    model("h100-pcie", &[gb(80)], &["h100 pcie", "h100 pcie nvlink"]),
    model("h100-nvl", &[gb(94)], &["h100 nvl"]),
    model("h100-unspecified", &[gb(80)], &["h100", "h100 nvlink", "h100 mega"]),
    model("h200-sxm", &[gb(141)], &["h200 sxm", "h200 sxm5", "hgx h200"]),
    model("h200-nvl", &[gb(141)], &["h200 nvl"]),
    model("h200-unspecified", &[gb(141)], &["h200"]),
    stated("gh200", &[gb(96), gb(144)], &["gh200"]),
    model("b200", &[reported(180, 176, 192)], &["b200", "b200 sxm", "b200 sxm6", "hgx b200"]),
    model("b300", &[reported(288, 260, 288)], &["b300", "b300 sxm6", "hgx b300"]),
    model("gb200", &[reported(186, 184, 192)], &["gb200"]),
    model("gb300", &[reported(288, 260, 288)], &["gb300", "gb300 sxm6"]),
    stated("a100-sxm", &[gb(40), gb(80)], &["a100 sxm", "a100 sxm4"]),
    stated("a100-pcie", &[gb(40), gb(80)], &["a100 pcie", "a100 pcie nvlink"]),
    stated("a100-unspecified", &[gb(40), gb(80)], &["a100", "a100 nvlink"]),
    stated("a800-unspecified", &[gb(40), gb(80)], &["a800"]),
    stated("v100-sxm", &[gb(16), gb(32)], &["v100 sxm", "v100 sxm2", "v100 sxm3"]),
    stated("v100-pcie", &[gb(16), gb(32)], &["v100 pcie"]),
    stated("v100-unspecified", &[gb(16), gb(32)], &["v100", "v100 nvlink"]),
    stated("p100", &[gb(12), gb(16)], &["p100"]),
    model("a10", &[gb(24)], &["a10"]),
    model("a10g", &[gb(24)], &["a10g"]),
    model("a16", &[gb(16)], &["a16"]),
    model("a30", &[gb(24)], &["a30"]),
    model("a40", &[gb(48)], &["a40", "a40 large"]),
    model("k80", &[gb(12)], &["k80"]),
    model("l4", &[gb(24)], &["l4"]),
    model("l40", &[gb(48)], &["l40"]),
    model("l40s", &[gb(48)], &["l40s"]),
    model("p4", &[gb(8)], &["p4"]),
    model("p40", &[gb(24)], &["p40"]),
    model("t4", &[gb(16)], &["t4"]),
    model("mi300x", &[gb(192)], &["mi300x"]),
    model("mi325x", &[gb(256)], &["mi325x"]),
    model("mi350x", &[gb(288)], &["mi350x"]),
    model("mi355x", &[gb(288)], &["mi355x"]),
];

const WORKSTATION: &[Model] = &[
    model("quadro-rtx-4000", &[gb(8)], &["quadro rtx 4000", "rtx4000"]),
    model("quadro-rtx-5000", &[gb(16)], &["quadro rtx 5000", "rtx5000"]),
    model("quadro-rtx-6000", &[gb(24)], &["quadro rtx 6000"]),
    model("rtx-a4000", &[gb(16)], &["rtx a4000", "a4000"]),
    model("rtx-a5000", &[gb(24)], &["rtx a5000", "a5000"]),
    model("rtx-a6000", &[gb(48)], &["rtx a6000", "a6000", "quadro rtx a6000"]),
    model("rtx-4000-ada", &[gb(20)], &["rtx 4000 ada"]),
    model("rtx-6000-ada", &[gb(48)], &["rtx 6000 ada"]),
    model("rtx-pro-6000-server", &[gb(96)], &["rtx pro 6000 server", "rtx pro 6000 se"]),
    model("rtx-pro-6000-workstation", &[gb(96)], &["rtx pro 6000 wk", "rtx pro 6000 we"]),
    model("rtx-pro-6000-maxq", &[gb(96)], &["rtx pro 6000 maxq"]),
    model("rtx-pro-6000-unspecified", &[gb(96)], &["rtx pro 6000", "rtx pro 6000 blackwell", "rtx 6000 pro"]),
];

const CONSUMER: &[Model] = &[
    model("gtx-1050-ti", &[gb(4)], &["gtx 1050 ti"]),
    stated("gtx-1060", &[gb(3), gb(6)], &["gtx 1060"]),
    model("gtx-1070", &[gb(8)], &["gtx 1070"]),
    model("gtx-1080", &[gb(8)], &["gtx 1080"]),
    model("gtx-1080-ti", &[gb(11)], &["gtx 1080 ti"]),
    model("gtx-1650", &[gb(4)], &["gtx 1650"]),
    model("gtx-1660", &[gb(6)], &["gtx 1660"]),
    model("gtx-1660-super", &[gb(6)], &["gtx 1660 super"]),
    stated("rtx-2060", &[gb(6), gb(12)], &["rtx 2060"]),
    model("rtx-2070", &[gb(8)], &["rtx 2070"]),
    model("rtx-2080", &[gb(8)], &["rtx 2080"]),
    model("rtx-2080-ti", &[gb(11), gb(22)], &["rtx 2080 ti"]),
    stated("rtx-3050", &[gb(6), gb(8)], &["rtx 3050"]),
    stated("rtx-3060", &[gb(8), gb(12)], &["rtx 3060"]),
    model("rtx-3060-ti", &[gb(8)], &["rtx 3060 ti"]),
    model("rtx-3070", &[gb(8)], &["rtx 3070"]),
    model("rtx-3070-ti", &[gb(8)], &["rtx 3070 ti"]),
    stated("rtx-3080", &[gb(10), gb(12)], &["rtx 3080"]),
    model("rtx-3080-ti", &[gb(12)], &["rtx 3080 ti"]),
    model("rtx-3090", &[gb(24)], &["rtx 3090"]),
    model("rtx-3090-ti", &[gb(24)], &["rtx 3090 ti"]),
    stated("rtx-4060-ti", &[gb(8), gb(16)], &["rtx 4060 ti"]),
    model("rtx-4070", &[gb(12)], &["rtx 4070"]),
    model("rtx-4070-ti", &[gb(12)], &["rtx 4070 ti"]),
    model("rtx-4070-ti-super", &[gb(16)], &["rtx 4070 ti super"]),
    model("rtx-4080", &[gb(16), gb(32)], &["rtx 4080", "rtx 4080 mod"]),
    model("rtx-4090", &[gb(24), gb(48)], &["rtx 4090", "rtx 4090 mod", "rtx 4090 high freq"]),
    stated("rtx-5060-ti", &[gb(8), gb(16)], &["rtx 5060 ti"]),
    model("rtx-5070", &[gb(12)], &["rtx 5070"]),
    model("rtx-5070-ti", &[gb(16)], &["rtx 5070 ti"]),
    model("rtx-5080", &[gb(16)], &["rtx 5080"]),
    model("rtx-5090", &[gb(32)], &["rtx 5090", "rtx5090", "rtx 5090 high freq"]),
];

const MAKERS: [&str; 4] = ["nvidia", "amd", "tesla", "geforce"];

/// Returns the product a GPU's name means, given the memory stated beside it, in MiB per GPU.
///
/// # Errors
/// [`RefusalCode::UnknownGpu`], [`RefusalCode::MemoryNotStated`], [`RefusalCode::MemoryMismatch`], and
/// [`RefusalCode::AmbiguousCount`] for a name that counts GPUs itself ("8x NVIDIA H100").
///
/// ```
/// use gpubourse::importers::alias::product;
/// assert_eq!(product("H100-80G-SXM5", None).unwrap().as_str(), "h100-sxm-80gb");
/// assert_eq!(product("H100", Some(81_559)).unwrap().as_str(), "h100-unspecified-80gb");
/// assert!(product("H100 NVL", Some(80 * 1_024)).is_err());
/// ```
pub fn product(name: &str, memory_mib: Option<u32>) -> Result<Symbol, Refusal> {
    let spelled = Spelled::read(name);
    if let Some(count) = spelled.count {
        let detail = format!("the name {name:?} counts {count} itself");
        return Err(Refusal::new(RefusalCode::AmbiguousCount, detail));
    }
    let unknown = || Refusal::new(RefusalCode::UnknownGpu, format!("the GPU {name:?} is not known"));
    let model = find(&spelled.words).ok_or_else(unknown)?;
    let gb = memory_of(model, name, &[spelled.memory_mib, memory_mib])?;
    Symbol::new(format!("{}-{gb}gb", model.stem)).ok_or_else(unknown)
}

fn find(words: &str) -> Option<&'static Model> {
    let mut models = DATACENTRE.iter().chain(WORKSTATION).chain(CONSUMER);
    models.find(|model| model.spellings.contains(&words))
}

fn memory_of(model: &Model, name: &str, stated: &[Option<u32>]) -> Result<u32, Refusal> {
    let mut found = None;
    for mib in stated.iter().flatten() {
        let fits = |memory: &&Memory| (memory.min_mib..=memory.max_mib).contains(mib);
        let memory = model.memories.iter().find(fits).map(|memory| memory.gb);
        if memory.is_none() || found.is_some_and(|earlier| Some(earlier) != memory) {
            let detail = format!("{name:?} does not come with the stated {mib} MiB");
            return Err(Refusal::new(RefusalCode::MemoryMismatch, detail));
        }
        found = memory;
    }
    let plain = || model.memories.first().filter(|_| model.plain).map(|memory| memory.gb);
    found.or_else(plain).ok_or_else(|| {
        let detail = format!("{name:?} comes with several memories and none is stated");
        Refusal::new(RefusalCode::MemoryNotStated, detail)
    })
}

/// A name taken apart.
struct Spelled {
    words: String,
    memory_mib: Option<u32>,
    count: Option<u32>,
}

impl Spelled {
    fn read(name: &str) -> Self {
        let lower = name.to_lowercase();
        let mut words: Vec<&str> = lower.split(|letter: char| !letter.is_ascii_alphanumeric()).collect();
        words.retain(|word| !word.is_empty() && !MAKERS.contains(word));
        let count = words.first().and_then(|word| word.strip_suffix('x')).and_then(|count| count.parse().ok());
        let memory = words.iter().enumerate().find_map(|(at, word)| memory_at(&words, at, word));
        let memory_mib = memory.map(|(at, length, gb)| {
            words.drain(at..at.saturating_add(length).min(words.len()));
            gb.saturating_mul(MIB_PER_GB)
        });
        Self { words: words.join(" "), memory_mib, count }
    }
}

/// Finds "80gb", "80g", "80 gb", or a last "80" behind a model's name, and says how many words it takes.
fn memory_at(words: &[&str], at: usize, word: &str) -> Option<(usize, usize, u32)> {
    let digits = word.strip_suffix("gb").or_else(|| word.strip_suffix('g'));
    if let Some(gb) = digits.and_then(|digits| digits.parse().ok()) {
        return Some((at, 1, gb));
    }
    let gb = word.parse().ok()?;
    let next = words.get(at.saturating_add(1));
    if next == Some(&"gb") {
        return Some((at, 2, gb));
    }
    // "a100-pcie-80" states a memory, "rtx-4090" does not: there the number is the name.
    let after_model = words.first().is_some_and(|first| first.bytes().any(|byte| byte.is_ascii_digit()));
    (at > 0 && next.is_none() && after_model).then_some((at, 1, gb))
}

#[cfg(test)]
mod tests;
