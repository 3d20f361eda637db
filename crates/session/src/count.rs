//! A number of rows that the last statement left.

/// Where a count is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Count<T> {
    /// The session knows it.
    Known(T),
    /// Only the held connection knows it.
    OnConnection,
    /// Nobody knows it any more: its connection was lost.
    Lost,
}

impl<T: Copy> Count<T> {
    /// The count, if the session knows it.
    pub(crate) fn known(self) -> Option<T> {
        match self {
            Self::Known(count) => Some(count),
            Self::OnConnection | Self::Lost => None,
        }
    }

    /// From now on only the connection knows it. Returns what it was, if that was known.
    pub(crate) fn leave_to_connection(&mut self) -> Option<T> {
        std::mem::replace(self, Self::OnConnection).known()
    }

    /// The connection was asked. An answer that is no number is a loss.
    pub(crate) fn learn(&mut self, answer: Option<T>) {
        if let Self::OnConnection = self {
            *self = answer.map_or(Self::Lost, Self::Known);
        }
    }

    /// The connection was lost, and the count with it, unless the session knows it.
    pub(crate) fn lose(&mut self) {
        self.learn(None);
    }
}

#[cfg(test)]
mod tests {
    use super::Count;

    #[test]
    fn only_what_the_connection_alone_knew_is_lost_with_it() {
        let mut count = Count::Known(3);
        count.lose();
        assert_eq!(count.known(), Some(3));
        assert_eq!(count.leave_to_connection(), Some(3));
        count.lose();
        assert_eq!(count, Count::Lost);
        count.learn(Some(7));
        assert_eq!(count, Count::Lost, "another connection does not know it");
    }

    #[test]
    fn an_answer_becomes_known() {
        let mut count = Count::OnConnection;
        count.learn(Some(-1));
        assert_eq!(count, Count::Known(-1));
    }
}
