// The line of numbers at the foot of the page.

function drawNumbers(numbers) {
  const list = $("numbers");
  while (list.children.length > numbers.length) list.lastChild.remove();
  numbers.forEach(([value, label, title], index) => {
    if (!list.children[index]) { const pair = make("div"); pair.append(make("dt"), make("dd")); list.append(pair); }
    const pair = list.children[index];
    write(pair.firstChild, label);
    write(pair.lastChild, value);
    pair.title = title;
  });
}
