//! Owns the switches that say how a text is written.

use crate::text::TextType;

#[derive(Debug, Clone, Copy, clap::Args)]
pub struct MarkupArgs {
    /// The text is SSML.
    #[arg(long, conflicts_with = "markdown")]
    ssml: bool,
    /// The text is Markdown.
    #[arg(long)]
    markdown: bool,
}

// === impl MarkupArgs ===

impl MarkupArgs {
    pub fn text_type(self) -> TextType {
        match (self.ssml, self.markdown) {
            (true, _) => TextType::Ssml,
            (false, true) => TextType::Markdown,
            (false, false) => TextType::Plain,
        }
    }
}
