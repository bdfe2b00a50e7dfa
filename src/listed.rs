//! Enums whose kinds are counted: their list, and the index and label of each kind, from one table.

/// Gives an enum the methods `index` and `label`, and a list with one value of each kind, from a
/// table. A row has a kind, the values of its fields in the list, and its label. Kinds may share an
/// index (`One | Other`). The kinds of another such enum come last (`and Of(Other)`).
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

            /// Its index in arrays with one entry for each label.
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
