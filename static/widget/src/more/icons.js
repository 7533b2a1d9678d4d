/** Drawings for what is here, see `iconButton`. */
export const ICONS = {
  copy: "M9 9h11v11H9zM5 15H4V4h11v1",
  again: "M20 11a8 8 0 1 0-2 6M20 4v7h-7",
  edit: "M4 20l1-5L16 4l4 4L9 19z",
  end: "M12 5v14M6 13l6 6 6-6",
  up: "M7 11v9H4v-9zm0 0l4-8c1.5 0 2.5 1 2.5 2.500L13 9h6l-1.5 9c-.2 1.2-1 2-2.2 2H7",
  down: "M7 13V4H4v9zm0 0l4 8c1.5 0 2.5-1 2.5-2.500L13 15h6l-1.5-9c-.2-1.2-1-2-2.2-2H7",
};
