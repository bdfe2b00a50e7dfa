//! Enums that are counted by kind: their list, and the place and the label of each kind, from one
//! table.

/// Gives an enum `index` and `label`, and a list of one value of each kind, of a table: a kind with
/// what its fields are in the list, and its label. Kinds may share a place (`One | Other`), and the
/// places of another such enum come last (`and Of(Other)`).
///
/// A variant that the table leaves out does not compile.
macro_rules! listed {
    (
        $(#[$doc:meta])*
        $vis:vis const $list:ident: $enum:ident = {
            $($kind:ident $({ $($field:tt: $value:expr),* })? $(| $same:ident)* => $label:literal,)*
        }
        $(and $of:ident($other:ty))?
    ) => {
        impl $enum {
            $(#[$doc])*
            $vis const $list: [Self; [$($label),*].len()] = [
                $(Self::$kind { $($($field: $value),*)? }),*
            ];

            /// Its place in arrays that have one entry for each label.
            pub fn index(self) -> usize {
                enum Place {
                    $($kind),*
                }
                match self {
                    $(Self::$kind { .. } $(| Self::$same { .. })* => Place::$kind as usize,)*
                    $(Self::$of(other) => Self::$list.len() + <$other>::index(other),)?
                }
            }

            /// The value of its metric label, in snake case.
            pub fn label(self) -> &'static str {
                match self {
                    $(Self::$kind { .. } $(| Self::$same { .. })* => $label,)*
                    $(Self::$of(other) => <$other>::label(other),)?
                }
            }
        }
    };
}
pub(crate) use listed;
